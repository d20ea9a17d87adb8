"""What pyproject.toml cannot say: what is built carries the commit that it is built from."""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

sys.path.insert(0, str(Path(__file__).parent))  # pyproject.toml reads the version from there, too

from busylight.edge.build import PACKAGED, commit

COMMIT = commit() or ""


def _write(root: str) -> None:
    file = Path(root, "busylight", "edge", PACKAGED)
    file.unlink(missing_ok=True)  # it may be a link to the source's own
    file.write_text(f"{COMMIT}\n", "ascii")


class BuildPy(build_py):
    """A wheel's modules; an editable installation has none of its own, and asks git each time."""

    def run(self) -> None:
        """Copy the modules, and write the file beside them."""
        super().run()
        if not self.editable_mode:
            _write(self.build_lib)


class Sdist(sdist):
    """A source distribution, from which a wheel is built elsewhere."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Copy the files, and write ours among them."""
        super().make_release_tree(base_dir, files)
        _write(base_dir)


setup(cmdclass={"build_py": BuildPy, "sdist": Sdist})
