"""What mkdocs needs to know of this repository: the README is the first page of the site."""

import re
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
_UP: Final = re.compile(r"\]\(\.\./([^)]*)\)")
_DOWN: Final = re.compile(r"\]\(docs/([^)]*)\)")
_BESIDE: Final = re.compile(r"\]\((?!https?:|#|docs/)([A-Za-z][A-Za-z0-9_./-]*)\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the README as index.md: it is written once."""
    from mkdocs.structure.files import File  # noqa: PLC0415 -- the types of an optional extra

    text = (ROOT / "README.md").read_text("utf-8")
    files.append(File.generated(config, "index.md", content=first_page(text, config.repo_url)))
    return files


def on_page_markdown(markdown: str, config: Any, **_: Any) -> str:
    """Let links out of docs/ lead to the repository, where the files are."""
    return _UP.sub(rf"]({config.repo_url}/blob/main/\1)", markdown)


def first_page(readme: str, repository: str) -> str:
    """The README as it has to be when it stands in docs/."""
    outside = _BESIDE.sub(rf"]({repository}/blob/main/\1)", readme)
    return _DOWN.sub(r"](\1)", outside)
