"""A bucket of an S3-compatible store as the home of pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.store import S3Store

from prompt2pic.core.errors import PictureMissing, Problem, StoreUnavailable

if TYPE_CHECKING:  # obstore has these only in its stubs
    from obstore.store import ClientConfig, RetryConfig, S3Credential

_LONGEST_LINK = (
    7 * 24 * 3600
)  # seconds; S3 signs for a week at most (AWS Signature Version 4, query parameters)
_CODES = {
    "NoSuchBucket": "store-no-bucket",
    "InvalidAccessKeyId": "store-credentials",
    "SignatureDoesNotMatch": "store-credentials",
    "AccessDenied": "store-denied",
    "RequestTimeTooSkewed": "store-clock",
    "AuthorizationHeaderMalformed": "store-region",
    "QuotaExceeded": "store-full",
}
_STATUSES = {"301": "store-region", "401": "store-credentials", "403": "store-denied", "507": "store-full"}
_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_ENDPOINT = re.compile(r"(https?)://([\w.-]+(?::\d{1,5})?|\[[0-9a-f:]+\](?::\d{1,5})?)/?", re.ASCII)
_WORD = re.compile(r"[!-~]+")  # what a header can carry: no space, no control character


@dataclass(frozen=True, kw_only=True)
class S3Options:
    """How to reach an S3-compatible store.

    `endpoint` is `https://host[:port]` without the bucket, None for Amazon's; links start with
    `public_endpoint` where people reach the store by another name. `timeout` in seconds bounds any one
    operation with its retries. Without `conditional_writes` (a store that does not know `If-None-Match`) we
    look before each put.
    """

    access_key: str
    secret_key: str = field(repr=False)
    endpoint: str | None = None
    region: str = "us-east-1"
    path_style: bool = True
    public_endpoint: str | None = None
    conditional_writes: bool = True
    timeout: float = 15.0  # seconds


class Bucket:
    """Keeps pictures as objects under `prefix` of a bucket."""

    def __init__(self, bucket: str, prefix: str, options: S3Options) -> None:
        for value in (options.access_key, options.secret_key, options.region):
            if not _WORD.fullmatch(value):
                raise Problem("store-s3-unset", place=f"s3://{bucket}")
        self.name = f"s3://{bucket}"
        self.create_only = options.conditional_writes
        amazon = f"https://s3.{options.region}.amazonaws.com"
        self._endpoint = amazon if options.endpoint is None else options.endpoint
        self.objects = _open(bucket, prefix, options, self._endpoint)
        self._public = _open(bucket, prefix, options, options.public_endpoint or self._endpoint)

    def settle(self, key: str) -> None:
        """Do nothing: S3 promises to answer a put only when it is durable."""

    def link(self, key: str, seconds: float) -> str:
        """Return an address that S3 itself serves for `seconds`, a week at most."""
        lasting = timedelta(seconds=min(max(seconds, 1), _LONGEST_LINK))
        return obstore.sign(self._public, "GET", key, lasting)

    def explain(self, error: Exception, key: str) -> Problem:
        """Return what an answer of S3, or none, means."""
        text = str(error)
        code, status = _first(_CODE, text), _first(_STATUS, text)
        # a 404 without this code comes from something that is no S3 store, or from a missing bucket
        if code == "NoSuchKey":
            return PictureMissing("picture-missing", picture=key)
        told = _CODES.get(code) or _STATUSES.get(status)
        if told is None and status:
            return StoreUnavailable("store-answer", place=self._where, status=status, code=code)
        return StoreUnavailable(told or _silence(text), place=self._where)

    @property
    def _where(self) -> str:
        return f"{self.name} ({self._endpoint})"


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _silence(text: str) -> str:
    """Return the key of what went wrong where no answer came."""
    if "incorrectly configured region" in text:
        return "store-region"
    if "certificate" in text:
        return "store-certificate"
    return "store-slow" if "TimedOut" in text else "store-unreachable"


def _open(bucket: str, prefix: str, options: S3Options, endpoint: str) -> S3Store:
    address = _address(endpoint, None if options.path_style else bucket)
    credential: S3Credential = {
        "access_key_id": options.access_key,
        "secret_access_key": options.secret_key,
        "expires_at": None,
    }
    return S3Store(
        bucket,
        prefix=prefix,
        endpoint=address,
        # obstore reads AWS_* variables too: these three would win over, or be mixed with, what we were given
        aws_endpoint_url_s3=address,
        skip_signature=False,
        credential_provider=lambda: credential,
        region=options.region,
        virtual_hosted_style_request=not options.path_style,
        conditional_put="etag" if options.conditional_writes else "disabled",
        disable_bulk_delete=True,  # not every store knows DeleteObjects; we delete one by one anyway
        client_options=_patience(options.timeout),
        retry_config=_retries(options.timeout),
    )


def _address(endpoint: str, bucket: str | None) -> str:
    """Return the endpoint as obstore wants it: with `bucket`, where given, in the host name."""
    parts = _ENDPOINT.fullmatch(endpoint)
    if parts is None:
        raise Problem("store-endpoint", endpoint=endpoint)
    scheme, host = parts.groups()
    return f"{scheme}://{bucket}.{host}" if bucket else f"{scheme}://{host}"


def _patience(timeout: float) -> ClientConfig:
    """Give a request two thirds of the time; a retry begins only within the first third."""
    return {
        "allow_http": True,
        "connect_timeout": timedelta(seconds=timeout / 5),
        "timeout": timedelta(seconds=timeout * 2 / 3),
        "default_content_type": "image/png",
    }


def _retries(timeout: float) -> RetryConfig:
    return {
        "max_retries": 5,
        "retry_timeout": timedelta(seconds=timeout / 3),
        "backoff": {
            "init_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(seconds=1),
            "base": 2,
        },
    }
