"""What a change set means, in words: whoever is asked sees what would be lost."""

import pytest

from stack.deployment.change_sets import Change, changes_of, lines_of

TABLE = "AWS::DynamoDB::Table"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change("Modify", "JobsTable", TABLE), "Modify   JobsTable  AWS::DynamoDB::Table"),
        (Change("Remove", "JobsTable", TABLE), "THE TABLE IS DELETED"),
        (Change("Remove", "JobsTable", TABLE, kept=True), "(the table is kept, outside of the stack)"),
        (Change("Modify", "JobsTable", TABLE, "True"), "THE TABLE IS REPLACED BY AN EMPTY ONE; WHAT THE OLD ONE HOLDS IS LOST"),
        (Change("Modify", "JobsTable", TABLE, "True", kept=True), "IS REPLACED BY AN EMPTY ONE; the old one is kept"),
        (Change("Modify", "ExecuteQueue", "AWS::SQS::Queue", "Conditional"), "THE QUEUE MAY BE REPLACED"),
        (Change("Remove", "JwtSecret", "AWS::SecretsManager::Secret"), "THE SECRET IS DELETED"),
        (Change("Modify", "RestAPI", "AWS::ApiGateway::RestApi", "True"), "ITS URL CHANGES"),
        (Change("Modify", "Role", "AWS::IAM::Role", "True"), "(is replaced)"),
    ],
)
def test_what_a_change_means_is_said(change: Change, words: str) -> None:
    assert words in str(change)


def test_a_change_that_loses_nothing_shouts_nothing() -> None:
    assert str(Change("Add", "JobsTable", TABLE)).isupper() is False
    assert "DELETED" not in str(Change("Remove", "Role", "AWS::IAM::Role"))


def test_what_loses_data_is_told_last_where_the_question_is() -> None:
    lost, replaced, changed = (
        Change("Remove", "JobsTable", TABLE),
        Change("Modify", "Role", "AWS::IAM::Role", "True"),
        Change("Modify", "ExecuteJobs", "AWS::Lambda::Function"),
    )
    assert lines_of([lost, replaced, changed]) == [str(changed), str(replaced), str(lost)]


def test_cloudformations_answer_is_read_with_what_it_leaves_out() -> None:
    answer = {
        "Changes": [
            {"ResourceChange": {"Action": "Add", "LogicalResourceId": "A", "ResourceType": TABLE}},
            {
                "ResourceChange": {
                    "Action": "Modify",
                    "LogicalResourceId": "B",
                    "ResourceType": TABLE,
                    "Replacement": "True",
                    "PolicyAction": "ReplaceAndRetain",
                }
            },
            {
                "ResourceChange": {
                    "Action": "Remove",
                    "LogicalResourceId": "C",
                    "ResourceType": TABLE,
                    "PolicyAction": "Delete",
                }
            },
            {"Type": "Hook"},
        ]
    }
    assert changes_of(answer) == [
        Change("Add", "A", TABLE),
        Change("Modify", "B", TABLE, "True", kept=True),
        Change("Remove", "C", TABLE),
    ]
