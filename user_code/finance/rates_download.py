"""Fetching a file of exchange rates: what passes is tried again, what doesn't fails at once."""

import time
from urllib.parse import urlsplit

import requests

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 5.0, 15.0, 60.0
LARGEST_BYTES = 32 << 20
# "Try again later", although they begin with a 4.
_PASSING = {408, 425, 429}


class PassingFault(RuntimeError):
    """The server or the way to it failed in a way that may be over soon."""


class LastingFault(RuntimeError):
    """No retry will help: the address, or what is there, is wrong."""


def download(
    url: str,
    *,
    connect_seconds: float = CONNECT_SECONDS,
    read_seconds: float = READ_SECONDS,
    total_seconds: float = TOTAL_SECONDS,
    largest_bytes: int = LARGEST_BYTES,
) -> bytes:
    """The body of a GET; raises PassingFault or LastingFault, with the reason and no secret.

    A redirect is not followed: the run may reach the one host that the configuration names.
    """
    host = urlsplit(url).hostname or ""
    deadline = time.monotonic() + total_seconds
    try:
        with requests.get(
            url, timeout=(connect_seconds, read_seconds), stream=True, allow_redirects=False
        ) as answer:
            _check_status(answer, host)
            body = bytearray()
            for piece in answer.iter_content(1 << 16):
                body += piece
                if len(body) > largest_bytes:
                    raise LastingFault(f"{host} sends more than {largest_bytes:,} bytes")
                if time.monotonic() > deadline:
                    raise PassingFault(f"{host} took more than {total_seconds:g} s")
            return bytes(body)
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
        raise LastingFault("ASSAY_RATES_URL is no address of a web server") from error
    except requests.exceptions.MissingSchema as error:
        raise LastingFault("ASSAY_RATES_URL lacks https:// at its begin") from error
    except requests.RequestException as error:
        # Its message may hold the whole address, and with it a key.
        way = ": does ASSAY_OUTSIDE_HOSTS name it?" if _is_proxys(error) else ""
        raise PassingFault(f"{host}: {type(error).__name__}{way}") from None


def _is_proxys(error: requests.RequestException) -> bool:
    return isinstance(error, requests.exceptions.ProxyError)


def _check_status(answer: requests.Response, host: str) -> None:
    status = answer.status_code
    if status == 200:
        return
    if 300 <= status < 400:
        raise LastingFault(
            f"{host} answers {status}, a redirect, which isn't followed: set ASSAY_RATES_URL to "
            "where the file is"
        )
    if 400 <= status < 500 and status not in _PASSING:
        raise LastingFault(f"{host} answers {status}: look at ASSAY_RATES_URL")
    raise PassingFault(f"{host} answers {status}")
