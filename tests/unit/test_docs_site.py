"""The README as the first page of the site."""

from scripts.docs_hooks import first_page

REPOSITORY = "https://example.com/light"


def test_links_into_docs_and_beside_it_lead_to_where_the_files_are() -> None:
    readme = "[a](docs/a.md#b) [p](docs/p/x.svg) [c](CHANGELOG.md) [s](#here) [w](https://x.com/y)"
    assert first_page(readme, REPOSITORY) == (
        f"[a](a.md#b) [p](p/x.svg) [c]({REPOSITORY}/blob/main/CHANGELOG.md) [s](#here) "
        "[w](https://x.com/y)"
    )
