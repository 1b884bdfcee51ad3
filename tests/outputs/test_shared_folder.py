"""A link that another user planted in a shared folder does not lead our output anywhere."""

import os
from pathlib import Path

import pytest

from scanner.core.errors import OutputFailed
from scanner.files.atomic import AtomicFile

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to own files of several users")

STRANGER, OWNER = 12345, 12346


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder like /tmp, with a file of ours and links of others to it."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    os.chown(folder, OWNER, OWNER)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    victim.chmod(0o600)
    for name, user in (("stranger", STRANGER), ("owner", OWNER), ("ours", os.geteuid())):
        (folder / name).symlink_to(victim)
        os.chown(folder / name, user, user, follow_symlinks=False)
    return folder


def written(path: Path) -> None:
    file = AtomicFile(str(path))
    file.open()
    file.write("new")
    file.commit()


def test_a_strangers_link_is_refused_in_one_line(shared: Path) -> None:
    with pytest.raises(OutputFailed, match="is a link of another user in a shared folder; remove it"):
        AtomicFile(str(shared / "stranger")).open()
    assert (shared.parent / "victim").read_text() == "mine"


@pytest.mark.parametrize("name", ["ours", "owner"])
def test_our_own_links_and_those_of_the_folders_owner_are_followed(shared: Path, name: str) -> None:
    written(shared / name)
    assert (shared.parent / "victim").read_text() == "new"
    assert (shared / name).is_symlink()


def test_in_a_folder_of_our_own_every_link_is_followed(shared: Path) -> None:
    shared.chmod(0o755)
    written(shared / "stranger")
    assert (shared.parent / "victim").read_text() == "new"
