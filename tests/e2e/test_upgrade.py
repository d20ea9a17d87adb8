"""What an older release has left is read by this one.

tests/data/state-VERSION is a state directory as that release wrote it, with tokens that are none.
Every release adds its own when the format changes, and none is ever taken away or edited.
"""

import json
import shutil
from pathlib import Path

import pytest

from busylight.demo.lookalike import ADELE, Lookalike
from busylight.demo.lookalike.tokens import Grant
from busylight.edge.clock import now
from tests.support.program import Home

STATES = sorted((Path(__file__).resolve().parents[1] / "data").glob("state-*"))
REFRESH_TOKEN = "a-refresh-token"
"""What stands there in place of one."""


def test_there_is_one_of_the_first_release() -> None:
    assert [path.name for path in STATES][:1] == ["state-0.1.0"]


@pytest.mark.parametrize("state", STATES, ids=lambda path: path.name)
def test_nobody_has_to_sign_in_again_after_an_update(state: Path, tmp_path: Path) -> None:
    with Lookalike() as lookalike:
        home = Home(tmp_path / "home").with_graph(lookalike, signed_in=False)
        shutil.copytree(state, home.state_dir)
        permissions = frozenset({"Presence.Read"})
        grant = Grant(lookalike.client_id, ADELE, permissions, now() + 86400)
        lookalike.entra.vault.refresh[REFRESH_TOKEN] = grant
        done = home.run("status", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["account"] == ADELE.principal_name
        assert lookalike.entra.issued.total() == 1, "one refresh, and no sign-in"
    kept = [path.name for path in home.state_dir.iterdir()]
    assert not [name for name in kept if ".broken" in name]
