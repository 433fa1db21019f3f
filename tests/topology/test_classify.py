"""Classification in the real service's shape."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.topology.conftest import is_refused

CLAIMS, CLASSIFY = "/v1/claims", "/v1/classify"


class TestClassify:
    """POST /v1/classify in the real service's shape."""

    @pytest.mark.parametrize(
        ("body", "address"),
        [
            ({"type": "SESSION_PREFIX", "value": "cell-2"}, "127.0.0.1:8102"),
            ({"type": "CELL_ID", "value": "3"}, "[::1]:8103"),
            ({"type": "FIRST_CELL"}, "127.0.0.1:8101"),
            ({"claim": {"email": "a@acme.example"}}, "127.0.0.1:8102"),
            ({"claim": {"organization_path": "initech"}}, "[::1]:8103"),
            ({"claim": {"organization_id": "42"}}, "127.0.0.1:8102"),
            ({"claim": {"organization_id": 77}}, "[::1]:8103"),
            ({"claims": [{"organization_path": "initech"}, {"email": "a@acme.example"}]}, "[::1]:8103"),
            ({"claims": [{"organization_path": "none"}, {"username": "dana"}, {"email": "a@acme.example"}]}, "127.0.0.1:8102"),
        ],
    )
    def test_the_first_known_claim_names_the_cell(self, api: FlaskClient, body: dict[str, Any], address: str) -> None:
        """Claims are tried in their order; kinds that this directory does not keep are unknown."""
        response = api.post(CLASSIFY, json=body)
        assert response.get_json() == {"action": "PROXY", "proxy": {"address": address}}

    def test_a_claimed_address_is_classified_too(self, api: FlaskClient) -> None:
        """Classification and lookup answer from the same claims."""
        api.post(CLAIMS, json={"organization_id": 77, "email": "eve@free.example"})
        response = api.post(CLASSIFY, json={"claim": {"email": "eve@free.example"}})
        assert response.get_json()["proxy"] == {"address": "[::1]:8103"}

    @pytest.mark.parametrize(
        "body",
        [
            {"type": "SESSION_PREFIX", "value": "cell-9"},
            {"type": "CELL_ID", "value": "9"},
            {"claim": {"email": "a@nowhere.example"}},
            {"claim": {"username": "dana"}},
            {"claims": [{"organization_path": "none"}, {"organization_id": 9}]},
        ],
    )
    def test_unknown_is_404_with_code_5(self, api: FlaskClient, body: dict[str, Any]) -> None:
        """gRPC's NOT_FOUND, as the real service's gateway shows it."""
        assert is_refused(api.post(CLASSIFY, json=body), 404, 5)

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"type": "SESSION_PREFIX"},
            {"type": 2, "value": "cell-2"},
            {"type": "SESSION_PREFIX", "value": 2},
            {"type": "BUCKET", "value": "x"},
            {"type": "CELL_ID", "value": "two"},
            {"type": "CELL_ID", "value": "٣"},
            {"type": "CELL_ID", "value": "9" * 20},
            {"type": "FIRST_CELL", "claims": []},
            {"claim": {}},
            {"claim": {"email": "a@acme.example", "organization_id": 77}},
            {"claim": {"surname": "x"}},
            {"claim": {"email": "nobody"}},
            {"claim": {"organization_path": 3}},
            {"claim": "acme"},
            {"claims": []},
            {"claims": {"email": "a@acme.example"}},
            {"claims": [{"email": "a@acme.example"}, {"surname": "x"}]},
            {"claims": [{"email": "a@acme.example"}] * 21},
            {"claim": {"email": "a@acme.example"}, "claims": []},
        ],
    )
    def test_a_request_of_another_form_is_refused(self, api: FlaskClient, body: dict[str, Any]) -> None:
        """The whole list is read first: a bad member is refused even behind one that would have been answered."""
        assert is_refused(api.post(CLASSIFY, json=body), 400, 3)
