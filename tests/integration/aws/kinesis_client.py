"""boto3 beside a node, as the tests of Kinesis ask for it."""
import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError


def client_of(node, key="any", secret="thing", region="eu-central-1", **config):
    """A client that asks each thing once, so that a refusal is seen, unless `config` says how often."""
    return boto3.client("kinesis", endpoint_url=f"http://{node.aws}", region_name=region, aws_access_key_id=key, aws_secret_access_key=secret,
                        config=Config(**{"retries": {"total_max_attempts": 1}, **config}))


def refused(code, call, *positional, **arguments):
    """The message of the error that the call must end with."""
    with pytest.raises(ClientError) as caught:
        call(*positional, **arguments)
    assert caught.value.response["Error"]["Code"] == code, caught.value.response
    return caught.value.response["Error"]["Message"]
