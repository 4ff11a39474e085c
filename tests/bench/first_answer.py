"""A fresh interpreter imports an `app` and answers a request, then the same one again and again. Prints its processor seconds.

Run as a file, `python -P -S first_answer.py`, with the app on PYTHONPATH and the event on standard input.
"""

import json
import sys
import time

WARMING, WARM = 20, 100


def main() -> None:
    event = json.load(sys.stdin)
    import app  # noqa: PLC0415 -- what is measured

    first = app.app(event, None)
    start = time.process_time()  # since the process began
    if first["statusCode"] != 200:
        raise SystemExit(f"not answered: {first}")
    warm: list[float] = []
    for number in range(WARMING + WARM):
        before = time.process_time()
        app.app(event, None)
        if number >= WARMING:
            warm.append(time.process_time() - before)
    print(json.dumps({"start": start, "warm": sorted(warm)[WARM // 2]}))


if __name__ == "__main__":
    main()
