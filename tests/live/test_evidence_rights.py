"""Evidence shows what the server itself may read, and nothing else, though root looks at it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import Done, Shop, ask_without_waiting, shop_in
from strangers import NOBODY, open_folder, stranger
from support import SERVERS, wait_for

from watchdog.evidence import gather
from watchdog.evidence.as_json import plain
from watchdog.evidence.readable import stacks_text
from watchdog.model.evidence import Configured
from watchdog.model.selector import Selector
from watchdog.targets import resolve

pytestmark = pytest.mark.root
SECRET = "the nightingale sings at seven"
OWN = "this line is the server's own"


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


@pytest.fixture
def secret() -> Iterator[Path]:
    """A file of root alone, in a folder that everybody may enter: what stands in it must never be seen."""
    with open_folder(owner=0) as made:
        path = made / "secret.py"
        path.write_text(f"# {SECRET}\ninner = '{SECRET}'\nvalue = '{SECRET}'\n")
        path.chmod(0o600)
        yield path


@pytest.fixture
def place() -> Iterator[Path]:
    with open_folder() as made:
        shutil.copy(SERVERS / "names.py", made)
        own = made / "own.py"
        own.write_text(f"# {OWN}\ninner(seconds)  # {OWN}\n")
        os.chown(own, NOBODY, NOBODY)
        yield made


def printed_and_kept(shop: Shop, port: int, to: Path) -> str:
    """What `wd why` and `wd snapshot` print and keep of the server that hangs."""
    hang(port)
    said = [shop.wd("why", f":{port}", "--within", "4s", *more) for more in ((), ("--locals", "-o", "json"))]
    kept = shop.wd("snapshot", f":{port}", "--to", str(to), "-o", "json")
    assert kept.code == 0, kept
    files = [path.read_text(errors="replace") for path in to.rglob("*") if path.is_file()]
    return "\n".join([*(told(done) for done in (*said, kept)), *files])


def hang(port: int) -> None:
    """Until it stands in the named code, as everybody may see."""
    ask_without_waiting(port, "/hang")
    (tree,) = resolve.resolve(Selector(port=port))
    wait_for(lambda: "call_0" in stacks_text(gather.quick(tree)), "it hangs in the named code")


def seen(port: int) -> str:
    """All that is read of it, whether it would be shown or not."""
    hang(port)
    (tree,) = resolve.resolve(Selector(port=port))
    found = gather.gather(tree, Configured(port=port), 2.0, True)
    return json.dumps(plain(found))


def told(done: Done) -> str:
    return done.out + done.err


def test_code_that_claims_to_stand_in_a_file_of_root_shows_nothing_of_it(shop: Shop, secret: Path, place: Path) -> None:
    with stranger(str(place / "names.py"), "{port}", str(place / "own.py"), str(secret)) as server:
        found = printed_and_kept(shop, server.port, shop.folder / "kept")
    assert OWN in found, "the server's own source is shown"
    assert SECRET not in found
    assert f"{secret}: nobody may not read it" in found, "what was not read is named with the reason"


@pytest.mark.parametrize("trick", ["symlink", "hardlink", "import", "fd", "fifo", "device", "log", "o_path"])
def test_no_detour_leads_to_a_file_of_root(secret: Path, place: Path, trick: str) -> None:
    names = [str(place / "own.py")]
    bait = place / "bait.py"
    if trick == "symlink":
        bait.symlink_to(secret)
        names.append(str(bait))
    elif trick == "hardlink":  # as before the kernel protected them
        os.link(secret, bait)
        names.append(str(bait))
    elif trick == "import":
        (place / "own.py").write_text(f"import bait\n# {OWN}\n")
        bait.symlink_to(secret)
    elif trick == "fd":
        holder = os.open(secret, os.O_RDONLY)
        names += [f"/proc/{os.getpid()}/fd/{holder}", "/proc/self/fd/3", f"/proc/1/root{secret}"]
    elif trick == "fifo":
        os.mkfifo(bait)
        names.append(str(bait))
    elif trick == "device":
        names += ["/dev/zero", "/dev/tty", "/proc/kmsg", "/proc/self/environ"]
    elif trick == "log":
        (place / "app.log").write_text(
            f'Traceback (most recent call last):\n  File "{secret}", line 2, in x\nOSError\n'
        )
        names.append(f"fd1={place / 'app.log'}")
    elif trick == "o_path":
        names.append(f"fd1={secret}")
    with stranger(str(place / "names.py"), "{port}", *names) as server:
        found = seen(server.port)
    assert OWN in found and SECRET not in found


def test_a_file_swapped_for_a_link_while_it_is_read_shows_nothing_of_root(
    shop: Shop, secret: Path, place: Path
) -> None:
    bait = place / "bait.py"
    there, other = place / "there", place / "other"
    turns = f"ln -sf {secret} {there}; mv -fT {there} {bait}; echo x > {other}; mv -fT {other} {bait}"
    swap = f"while :; do {turns}; done"
    swapper = subprocess.Popen(["setpriv", "--reuid", str(NOBODY), "--clear-groups", "sh", "-c", swap])
    try:
        with stranger(str(place / "names.py"), "{port}", str(place / "own.py"), str(bait)) as server:
            found = seen(server.port)
    finally:
        swapper.kill()
        swapper.wait()
    assert OWN in found and SECRET not in found


def test_a_mount_namespace_of_its_own_hides_no_file_of_ours_behind_its_names(secret: Path, place: Path) -> None:
    """There the name is a file of its own; read by the same name on our side it would be root's."""
    inner = place / "inner"
    inner.mkdir()
    (inner / secret.name).write_text(f"# {OWN}\ninner(seconds)  # {OWN}\n")
    before = ("unshare", "--mount", "sh", "-c", f'mount --bind {inner} {secret.parent} && exec "$@"', "sh")
    if subprocess.run([*before, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no mount namespace can be made here")
    with stranger(str(place / "names.py"), "{port}", str(secret), f"fd1={secret}", before=before) as server:
        found = seen(server.port)
    assert OWN in found and SECRET not in found


def test_a_log_that_names_a_file_of_root_shows_nothing_of_it_when_nothing_runs(shop: Shop, secret: Path) -> None:
    with open_folder() as place:
        log = place / "shop.log"
        log.write_text(f'Traceback (most recent call last):\n  File "{secret}", line 2, in x\nRuntimeError: no\n')
        os.chown(log, NOBODY, NOBODY)
        shop.playbook(more=f"logs: [{log}]\n", start="  user: nobody\n")
        said = shop.wd("why", "--service", "shop", "--within", "3s")
        kept = shop.wd("snapshot", "--service", "shop", "--to", str(shop.folder / "kept"))
    files = "".join(path.read_text(errors="replace") for path in (shop.folder / "kept").rglob("*") if path.is_file())
    assert str(secret) in told(said) + files, "the log was read"
    assert SECRET not in told(said) + told(kept) + files
