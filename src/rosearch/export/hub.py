"""An exported folder as a repository of the Hugging Face hub, private unless asked otherwise.

The token, the address and a proxy are found as everything that uses `huggingface_hub` finds them:
`hf auth login`, `HF_TOKEN`, `HF_ENDPOINT`. A token is never an argument and never printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rosearch.errors import UserError, one_line

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True)
class Target:
    """A repository to push to.

    Attributes:
        repo: `owner/name`.
        exists: whether it is there already.
    """

    repo: str
    private: bool
    exists: bool


def checked_name(name: str) -> str:
    """`name`, if a repository can be called so; asks nobody.

    Raises:
        UserError: it can't.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise UserError(f"--push-to-hub {name!r}: {one_line(error)}") from None
    return name


def find_target(name: str, private: bool) -> Target:
    """Where a push would go; nothing is changed there.

    Args:
        name: `name`, which is among one's own, or `owner/name`.

    Raises:
        UserError: not logged in, the hub can't be reached, or a private push to a public
            repository.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    checked_name(name)
    api = HfApi()
    with _told(name):
        owner = api.whoami()["name"]
        repo = name if "/" in name else f"{owner}/{name}"
        try:
            found = api.model_info(repo)
        except RepositoryNotFoundError:
            return Target(repo, private, exists=False)
    if private and not found.private:
        raise UserError(f"{repo} is there and public: give --public, or another name")
    return Target(repo, bool(found.private), exists=True)


def push(folder: Path, target: Target) -> str:
    """Upload all files of a folder in one commit; files that only the hub has stay.

    Returns:
        The address of the commit.

    Raises:
        UserError: the hub refuses, or can't be reached. The folder stays as it is.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    with _told(target.repo, f"; the export is complete; to go on: {by_hand(folder, target)}"):
        if not target.exists:
            api.create_repo(target.repo, private=target.private, exist_ok=True)
        return str(_commit(api, folder, target.repo))


def _commit(api: HfApi, folder: Path, repo: str) -> str:
    done = api.upload_folder(repo_id=repo, folder_path=folder, commit_message="Export of rosearch")
    return done.commit_url


def by_hand(folder: Path, target: Target) -> str:
    """The hub's own command that does the same."""
    return f"hf upload {target.repo} {folder}{' --private' if target.private else ''}"


def contents(folder: Path) -> list[tuple[str, int]]:
    """What a push uploads: paths in the folder and their bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in files]


@contextmanager
def _told(name: str, rest: str = "") -> Iterator[None]:
    """Errors of the hub as one line."""
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    try:
        yield
    except LocalTokenNotFoundError:
        raise UserError(
            "pushing to the hub needs a token of yours that may write: hf auth login, or HF_TOKEN"
        ) from None
    except HfHubHTTPError as error:
        raise UserError(f"the hub refused {name}: {one_line(error)}{rest}") from None
    except Exception as error:  # offline, no route, or what the uploader raises
        raise UserError(f"the hub was not reached for {name}: {one_line(error)}{rest}") from None
