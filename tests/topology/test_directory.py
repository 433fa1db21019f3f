"""The directory's questions and the problems of its file."""

from pathlib import Path

import pytest

from bridge.errors import ConfigInvalid
from bridge.identity import Email
from bridge.topology.directory import Directory
from bridge.topology.directory_file import MAX_FILE_BYTES, load_directory, parse_directory

CELL = '[[cell]]\nid = 1\naddress = "127.0.0.1:8101"\nsession_prefix = "cell-1"\n'
ORG = '[[organization]]\nid = 42\npath = "acme"\ncell = 1\n'


def problems(text: str) -> tuple[str, ...]:
    """Return the problems of a directory file."""
    with pytest.raises(ConfigInvalid) as refusal:
        parse_directory(text, source="directory.toml")
    assert refusal.value.source == "directory.toml"
    return refusal.value.problems


class TestLookups:
    """What the directory answers, and that it answers nothing else."""

    def test_an_organization_is_found_by_path_and_id_and_knows_its_cell(self, directory: Directory) -> None:
        """A path leads to one organization and so to one cell."""
        acme = directory.org_at("acme")
        assert acme is not None
        assert (acme, acme.cell.address) == (directory.org(42), "127.0.0.1:8102")

    @pytest.mark.parametrize("path", ["Acme", "acme/", " acme", "", "acme.", "unknown"])
    def test_a_path_is_compared_exactly(self, directory: Directory, path: str) -> None:
        """Folding a path would give two readings of one URL."""
        assert directory.org_at(path) is None

    def test_a_single_address_counts_before_its_domain(self, directory: Directory) -> None:
        """boss@acme.example belongs to globex although the domain is acme's."""
        assert directory.org_of_email(Email("boss@acme.example")) is directory.org_at("globex")
        assert directory.org_of_email(Email("clerk@acme.example")) is directory.org_at("acme")

    def test_addresses_are_compared_in_lower_case(self, directory: Directory) -> None:
        """An address is one address in every letter case."""
        assert directory.org_of_email(Email("dANA@mail.EXAMPLE")) is directory.org_at("acme")

    def test_a_unicode_domain_is_the_domain_of_its_a_labels(self, directory: Directory) -> None:
        """The file may be written in Unicode, the wire carries A-labels."""
        assert directory.org_of_email(Email("a@xn--bcher-kva.example")) is directory.org_at("acme")

    @pytest.mark.parametrize(
        "address", ["a@sub.acme.example", "a@acme.example.evil.example", "a@notacme.example", "b@mail.example"]
    )
    def test_nothing_near_a_domain_belongs_to_it(self, directory: Directory, address: str) -> None:
        """Subdomains and look-alikes are other domains; one listed address does not give away its domain."""
        assert directory.org_of_email(Email(address)) is None

    @pytest.mark.parametrize(
        ("token", "cell_id"),
        [("cell-2-abc", 2), ("cell-3-a-b-c", 3), ("cell-2", None), ("cell-22-abc", None), ("CELL-2-abc", None), ("", None)],
    )
    def test_a_session_is_read_by_its_whole_prefix(self, directory: Directory, token: str, cell_id: int | None) -> None:
        """A prefix ends at its dash: cell-22 is not cell-2."""
        cell = directory.cell_of_session(token)
        assert (cell.id if cell else None) == cell_id

    def test_cells_are_found_by_id_and_prefix(self, directory: Directory) -> None:
        """Classification asks for both."""
        assert directory.cell(3) == directory.cell_of_prefix("cell-3")
        assert directory.cell(9) is directory.cell_of_prefix("cell-9") is None


class TestLegacyCell:
    """Which cell serves the global page."""

    def test_it_is_the_cell_with_the_lowest_id(self, directory: Directory) -> None:
        """The first cell of a service is its oldest, in whatever order the file lists them."""
        assert directory.legacy_cell.id == 1

    def test_a_mark_counts_more_than_the_id(self) -> None:
        """A service whose legacy cell has another number says so."""
        second = '[[cell]]\nid = 2\naddress = "127.0.0.1:1"\nsession_prefix = "b"\nlegacy = true\n'
        assert parse_directory(CELL + second, source="d").legacy_cell.id == 2

    def test_two_marks_are_a_problem(self) -> None:
        """Two global pages are none."""
        marked = "[[cell]]\nid = {0}\naddress = '127.0.0.1:1'\nsession_prefix = 'p{0}'\nlegacy = true\n"
        assert problems(marked.format(1) + marked.format(2)) == ("cell: more than one is marked legacy",)


class TestProblems:
    """A file that could be read in two ways is refused, with everything that is wrong with it."""

    def test_all_problems_come_at_once(self) -> None:
        """Somebody who edits the file learns everything in one run, of tables that read badly and of those that disagree."""
        found = problems(
            CELL
            + ORG
            + '[[organization]]\nid = 42\npath = "Acme"\ncell = 9\n'
            + '[[organization]]\nid = 42\npath = "acme"\ncell = 9\ncolour = "red"\n'
            + '[[organization]]\nid = 42\npath = "acme"\ncell = 9\n'
            + "[other]\n"
        )
        assert found == (
            "other: is not a key that exists; write [[cell]] and [[organization]]",
            "organization.1.path: organization_path: is not an organization's path",
            "organization.2.colour: is not a key that exists",
            "organization id 42 stands more than once",
            "path acme stands more than once",
            "organization acme: cell 9 is not in this file",
        )

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ('emails = ["a@acme.example", "A@ACME.example"]', "email a@acme.example stands more than once"),
            ('domains = ["acme.example", "ACME.example"]', "domain acme.example stands more than once"),
            ('name = ""', "organization.0.name: name: is empty"),
            (f'name = "{"x" * 101}"', "organization.0.name: name: is longer than 100 characters"),
            ('name = "Acme\\u202E"', "organization.0.name: name: holds a character that cannot be printed"),
            ('emails = ["acme.example"]', "organization.0.emails: email: is not one plain address"),
            ('domains = ["a@acme.example"]', "organization.0.domains: holds an address; write the domain alone"),
            ('domains = ["*.example"]', "organization.0.domains: email: is not one plain address"),
            ('domains = ["example"]', "organization.0.domains: email: is not one plain address"),
            ('acs_url = "https://sp.example/acs"', "organization.0: give both acs_url and sp_entity_id, or neither"),
            ('sp_entity_id = "https://sp.example"', "organization.0: give both acs_url and sp_entity_id, or neither"),
            ('acs_url = "http://sp.example/acs"\nsp_entity_id = "x"', "organization.0.acs_url: must be https"),
        ],
    )
    def test_what_an_organization_may_not_say(self, line: str, problem: str) -> None:
        """One address and one domain belong to one organization, and each has its form."""
        (found,) = problems(f"{CELL}{ORG}{line}\n")
        assert found.startswith(problem)

    @pytest.mark.parametrize(
        ("old", "new", "problem"),
        [
            ("id = 1", "id = 0", "cell.0.id: "),
            ("id = 1", "id = true", "cell.0.id: "),
            ("id = 1", "id = '1'", "cell.0.id: "),
            ("127.0.0.1:8101", "127.0.0.1", "cell.0.address: "),
            ("127.0.0.1:8101", "127.0.0.1:70000", "cell.0.address: names a port above 65535"),
            ("127.0.0.1:8101", "http://127.0.0.1:8101", "cell.0.address: "),
            ("127.0.0.1:8101", "a:1\\r\\nX: y", "cell.0.address: "),
            ("127.0.0.1:8101", "a:1\\n", "cell.0.address: "),
            ("cell-1", "Cell 1", "cell.0.session_prefix: "),
            ("cell-1", "", "cell.0.session_prefix: "),
            ("cell-1", "c" * 33, "cell.0.session_prefix: "),
        ],
    )
    def test_what_a_cell_may_not_say(self, old: str, new: str, problem: str) -> None:
        """An address goes into a header and a connection; a prefix goes into a cookie."""
        (found,) = problems(CELL.replace(old, new) + ORG)
        assert found.startswith(problem)

    def test_one_email_belongs_to_one_organization(self) -> None:
        """Two organizations that list one address would race for a person."""
        orgs = "".join(
            f'[[organization]]\nid = {n}\npath = "p{n}"\ncell = 1\nemails = ["a@b.example"]\ndomains = ["c.example"]\n'
            for n in (1, 2)
        )
        assert problems(CELL + orgs) == ("email a@b.example stands more than once", "domain c.example stands more than once")

    def test_a_prefix_that_begins_another_is_a_problem(self) -> None:
        """The session `a-b-...` would be one of the cell `a` and one of the cell `a-b`."""
        cells = "".join(
            f'[[cell]]\nid = {n}\naddress = "127.0.0.1:1"\nsession_prefix = "{prefix}"\n'
            for n, prefix in ((1, "a"), (2, "a-b"))
        )
        assert problems(cells) == ("session_prefix a is the beginning of a-b",)

    def test_ids_and_prefixes_of_cells_are_unique(self) -> None:
        """Two cells of one name are none."""
        assert problems(CELL + CELL) == ("cell id 1 stands more than once", "session_prefix cell-1 stands more than once")

    @pytest.mark.parametrize("text", ["", ORG.replace("cell = 1", "cell = 1")])
    def test_a_file_without_a_cell_is_a_problem(self, text: str) -> None:
        """There is nowhere to send anybody."""
        assert "cell: is missing; write at least one [[cell]]" in problems(text)

    @pytest.mark.parametrize("text", ["cell = 3\n", "[cell]\nid = 1\n", "cell = [3]\n"])
    def test_tables_of_another_shape_are_problems(self, text: str) -> None:
        """A file that means something else is told so, and does not crash the service."""
        assert problems(text)[0].startswith("cell")

    def test_what_is_not_toml_is_told_with_its_line(self) -> None:
        """A slip of the pen is found quickly."""
        (found,) = problems("[[cell]\n")
        assert found.startswith("is not TOML: ")
        assert "line 1" in found


class TestFile:
    """Reading the file itself."""

    def test_a_file_is_read(self, directory_file: Path, directory: Directory) -> None:
        """The file and its text are the same directory."""
        assert load_directory(directory_file) == directory

    @pytest.mark.parametrize("content", [b"\xff\xfe", b"#" * (MAX_FILE_BYTES + 1)], ids=["not UTF-8", "too large"])
    def test_a_file_that_is_none_is_refused(self, tmp_path: Path, content: bytes) -> None:
        """Every way to fail is a `ConfigInvalid`."""
        path = tmp_path / "directory.toml"
        path.write_bytes(content)
        with pytest.raises(ConfigInvalid):
            load_directory(path)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        """The operator reads which file is missing."""
        with pytest.raises(ConfigInvalid) as refusal:
            load_directory(tmp_path / "nowhere.toml")
        assert refusal.value.source.endswith("nowhere.toml")
