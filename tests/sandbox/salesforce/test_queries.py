"""Queries: what they find, how they page, and how they are refused."""

import pytest

from dealmeter.sandbox.record import Kind
from dealmeter.sandbox.salesforce import SalesforceSandbox

from .api import Salesforce

ALL = "SELECT Id, SystemModstamp FROM Opportunity ORDER BY SystemModstamp, Id"


def test_pages_follow_each_other_without_gaps(reading: Salesforce) -> None:
    first = reading.query("SELECT Id FROM OpportunityFieldHistory", {"Sforce-Query-Options": "batchSize=200"})
    assert (len(first.json["records"]), first.json["done"]) == (200, False)
    assert first.json["nextRecordsUrl"].endswith("-200")
    ids = reading.ids("SELECT Id FROM OpportunityFieldHistory")
    assert len(ids) == len(set(ids)) == first.json["totalSize"]


def test_the_page_size_has_bounds(reading: Salesforce) -> None:
    assert (
        len(
            reading.query("SELECT Id FROM OpportunityFieldHistory", {"Sforce-Query-Options": "batchSize=1"}).json[
                "records"
            ]
        )
        == 200
    )
    wide = reading.query("SELECT OldValue, NewValue, Field FROM OpportunityFieldHistory").json
    assert len(wide["records"]) == wide["totalSize"]


@pytest.mark.parametrize("size", [3, 7])
def test_a_keyset_walk_sees_every_row_once(sf: Salesforce, size: int) -> None:
    sf.control("bulk", {"count": 20, "fields": {"Amount": "1"}})
    expected, seen = sf.ids(ALL), list[str]()
    where = ""
    while True:
        rows = sf.rows(f"SELECT Id, SystemModstamp FROM Opportunity{where} ORDER BY SystemModstamp, Id LIMIT {size}")
        if not rows:
            break
        seen += [row["Id"] for row in rows]
        at, id = rows[-1]["SystemModstamp"].replace("+0000", "Z"), rows[-1]["Id"]
        where = f" WHERE (SystemModstamp = {at} AND Id > '{id}') OR SystemModstamp > {at}"
    assert seen == expected
    assert len(set(seen)) == 120


@pytest.mark.parametrize(
    ("condition", "same_as"),
    [
        ("Amount > 10000", "NOT Amount <= 10000 AND Amount != null"),
        ("StageName = 'CLOSED won'", "IsWon = true AND StageName LIKE 'Closed%'"),
        ("StageName IN ('Closed Won', 'Closed Lost')", "StageName = 'Closed Won' OR StageName = 'Closed Lost'"),
        ("StageName NOT IN ('Closed Won')", "StageName <> 'Closed Won'"),
        ("CloseDate = THIS_YEAR", "CloseDate >= 2026-01-01 AND CloseDate <= 2026-12-31"),
        ("CreatedDate = LAST_N_DAYS:30", "CreatedDate >= 2026-10-21T21:00:00Z AND CreatedDate < 2026-11-21T21:00:00Z"),
        ("SystemModstamp = LAST_N_DAYS:9", "SystemModstamp >= LAST_N_DAYS:9 AND SystemModstamp <= TODAY"),
        ("SystemModstamp >= 2026-06-01T00:00:00.5Z", "SystemModstamp > 2026-06-01T00:00:00%2B00:00"),
        ("AccountId = null", "NOT (AccountId != null)"),
        ("Account.BillingCountry = 'germany'", "Account.BillingCountry LIKE 'G_rman%'"),
        ("Owner.IsActive = false", "NOT Owner.IsActive = true"),
        ("Id > '006000000000000AAA'", "IsDeleted = false"),
    ],
)
def test_conditions_mean_what_they_say(reading: Salesforce, condition: str, same_as: str) -> None:
    grouped = f"({condition})"
    one = set(reading.ids(f"SELECT Id FROM Opportunity WHERE {grouped}"))
    two = set(reading.ids(f"SELECT Id FROM Opportunity WHERE {same_as}".replace("%2B", "+")))
    neither = set(reading.ids(f"SELECT Id FROM Opportunity WHERE NOT {grouped}"))
    assert one == two
    assert one
    assert one | neither == set(reading.ids(ALL))
    assert not one & neither


def test_windows_by_index_and_by_looking_agree(reading: Salesforce) -> None:
    window = "SystemModstamp >= 2026-03-01T00:00:00Z AND SystemModstamp < 2026-10-01T00:00:00Z"
    by_index = reading.ids(f"SELECT Id FROM Opportunity WHERE {window} ORDER BY SystemModstamp, Id")
    by_looking = reading.ids(f"SELECT Id FROM Opportunity WHERE {window.replace('SystemModstamp', 'LastModifiedDate')} "
                        "ORDER BY SystemModstamp, Id")  # fmt: skip
    assert by_index == by_looking
    assert 10 < len(by_index) < 120
    assert reading.query(f"SELECT COUNT() FROM Opportunity WHERE {window}").json == {
        "totalSize": len(by_index),
        "done": True,
        "records": [],
    }


def test_order_puts_nulls_where_asked(reading: Salesforce) -> None:
    amounts = [row["Amount"] for row in reading.rows("SELECT Amount FROM Opportunity ORDER BY Amount")]
    nulls = amounts.count(None)
    assert 0 < nulls < 120
    assert amounts[:nulls] == [None] * nulls
    assert amounts[nulls:] == sorted(amounts[nulls:])
    down = [row["Amount"] for row in reading.rows("SELECT Amount FROM Opportunity ORDER BY Amount DESC NULLS LAST, Id")]
    assert down == sorted(amounts[nulls:], reverse=True) + [None] * nulls
    back = reading.ids("SELECT Id FROM Opportunity ORDER BY SystemModstamp DESC, Id DESC")
    assert back == reading.ids(ALL)[::-1]


def test_parents_are_nested_objects_or_null(reading: Salesforce) -> None:
    rows = reading.rows("select id, name, owner.name, Account.Owner.Email, Account.Name from opportunity")
    assert set(rows[0]) == {"Id", "Name", "Owner", "Account"}
    accounts = [row["Account"] for row in rows]
    assert None in accounts
    found = next(account for account in accounts if account)
    assert found["attributes"]["url"].startswith("/services/data/v62.0/sobjects/Account/001")
    assert "@" in found["Owner"]["Email"]
    task = reading.rows("SELECT What.Type, Who.Name FROM Task WHERE What.Type = 'Opportunity' LIMIT 1")[0]
    assert task["What"]["Type"] == "Opportunity"


def test_groups_add_up(reading: Salesforce) -> None:
    columns = "StageName, COUNT(Id) deals, SUM(Amount), MAX(CloseDate)"
    order = "ORDER BY COUNT(Id) DESC, StageName"
    rows = reading.rows(f"SELECT {columns} FROM Opportunity GROUP BY StageName {order}")
    assert sum(row["deals"] for row in rows) == 120
    assert [row["deals"] for row in rows] == sorted((row["deals"] for row in rows), reverse=True)
    total = reading.query("SELECT SUM(Amount) total, COUNT(Amount) FROM Opportunity").json["records"][0]
    assert total["attributes"] == {"type": "AggregateResult"}
    assert round(sum(row["expr0"] or 0 for row in rows), 2) == round(total["total"], 2)
    assert total["expr0"] == reading.query("SELECT COUNT() FROM Opportunity WHERE Amount != null").json["totalSize"]


@pytest.mark.parametrize(
    ("soql", "code", "words"),
    [
        (
            "SELECT Id, Nope FROM Opportunity",
            "INVALID_FIELD",
            "Row:1:Column:12\nNo such column 'Nope' on entity 'Op",
        ),
        ("SELECT Id FROM Nope", "INVALID_TYPE", "ERROR at Row:1:Column:16\nsObject type 'Nope' is not supported."),
        ("SELECT Nope.Id FROM Opportunity", "INVALID_FIELD", "Didn't understand relationship 'Nope'"),
        ("SELECT Id\nFROM Opportunity\nWHERE Nope = 1", "INVALID_FIELD", "ERROR at Row:3:Column:7"),
        ("SELECT Id FROM Opportunity WHERE CloseDate > '2026-01-01'", "INVALID_FIELD", "must be of type date"),
        ("SELECT Id FROM Opportunity WHERE SystemModstamp > 2026-01-01", "INVALID_FIELD", "must be of type dateTime"),
        ("SELECT Id FROM Opportunity WHERE Name = 5", "INVALID_FIELD", "should be enclosed in quotes"),
        ("SELECT Id FROM Opportunity WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: x"),
        ("SELECT Id FROM Opportunity WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered"),
        ("SELECT Id FROM Opportunity ORDER BY HasOpenActivity", "INVALID_FIELD", "can not be sorted"),
        ("SELECT Id FROM Opportunity WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Opportunity WHERE Amount = 1 AND Id != null OR Id = null", "MALFORMED_QUERY", "token: 'OR'"),
        ("SELECT Id, Id FROM Opportunity", "MALFORMED_QUERY", "duplicate field selected: Id"),
        ("SELECT FIELDS(ALL) FROM Opportunity", "MALFORMED_QUERY", "unexpected token"),
        ("SELECT (SELECT Id FROM Contacts) FROM Account", "MALFORMED_QUERY", "unexpected token: '('"),
        ("SELECT Name, COUNT(Id) FROM Opportunity", "MALFORMED_QUERY", "must be grouped or aggregated: Name"),
        ("SELECT Id FROM Opportunity WHERE CloseDate = LAST_N_FORTNIGHTS:2", "MALFORMED_QUERY", "LAST_N_FORTNIGHTS:2"),
        ("SELECT Id FROM Opportunity LIMIT 5 OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "2000"),
        ("DELETE FROM Opportunity", "MALFORMED_QUERY", "unexpected token: 'DELETE'"),
        ("SELECT Id FROM Opportunity WHERE Name = 'it''s'", "MALFORMED_QUERY", "unexpected token"),
    ],
)
def test_mistakes_are_named_where_they_are(reading: Salesforce, soql: str, code: str, words: str) -> None:
    reply = reading.query(soql)
    assert (reply.status, reply.json[0]["errorCode"]) == (400, code)
    assert words in reply.json[0]["message"]


def test_quotes_and_unicode_in_values(sf: Salesforce) -> None:
    name = 'O\'Neil \\ "قرارداد" 🚀'
    id = sf.control("create", {"fields": {"Name": name, "StageName": "Closed Won", "CloseDate": "2026-11-01"}})["id"]
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    assert sf.rows(f"SELECT Id, Name, CloseDate FROM Opportunity WHERE Name = '{escaped}'") == [
        {"Id": id, "Name": name, "CloseDate": "2026-11-01"}
    ]


def test_a_cursor_belongs_to_its_user_and_ends(sf: Salesforce, org: SalesforceSandbox) -> None:
    def open_cursor() -> str:
        reply = sf.query("SELECT Id FROM OpportunityFieldHistory", {"Sforce-Query-Options": "batchSize=200"})
        return str(reply.json["nextRecordsUrl"])

    first = open_cursor()
    stranger = org.sessions.open("stranger@example.com").token
    assert sf.get(first, {"Authorization": f"Bearer {stranger}"}).json[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
    assert sf.get(first).status == 200
    sf.control("cursors", {"most": 2})
    kept = [open_cursor() for _ in range(2)]
    assert sf.get(first).json[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
    assert sf.get(kept[0]).status == 200
    sf.control("sessions", {"idle_seconds": 999_999})
    sf.control("advance", {"seconds": 2 * 86_400 + 1})
    assert sf.get(kept[1]).json[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_ids_are_in_order_and_carry_their_checksum(sf: Salesforce, org: SalesforceSandbox) -> None:
    ids = sf.ids("SELECT Id FROM Opportunity ORDER BY Id")
    assert ids == sorted(ids)
    assert all(id[:3] == "006" and len(id) == 18 for id in ids)
    for id in ids[:20]:
        suffix = "".join(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[sum(1 << i for i, c in enumerate(id[p : p + 5]) if "A" <= c <= "Z")]
            for p in (0, 5, 10)
        )
        assert id[15:] == suffix
    assert sf.ids(f"SELECT Id FROM Opportunity WHERE Id = '{ids[3][:15]}'") == [ids[3]]
    assert len(org.world.tables[Kind.DEAL].live) == len(ids)


def test_one_record_and_the_deleted_one(sf: Salesforce) -> None:
    id = sf.ids(ALL)[0]
    one = sf.get(f"/sobjects/Opportunity/{id}", fields="Name,Owner.Name").json
    assert set(one) == {"attributes", "Name", "Owner"}
    sf.control("delete", {"id": id})
    gone = sf.get(f"/sobjects/Opportunity/{id}")
    assert (gone.status, gone.json[0]["errorCode"]) == (404, "ENTITY_IS_DELETED")
    assert sf.get("/sobjects/Opportunity/006Wq00000000zzAAA").status == 404


def test_composite_answers_each_part(reading: Salesforce) -> None:
    parts = [
        {"method": "GET", "url": "/services/data/v62.0/query?q=SELECT+COUNT()+FROM+Account", "referenceId": "a"},
        {"method": "GET", "url": "/services/data/v62.0/query?q=SELECT+Id+FROM+Nope", "referenceId": "b"},
    ]
    one, two = reading.post("/composite", {"compositeRequest": parts}).json["compositeResponse"]
    assert (one["referenceId"], one["httpStatusCode"], one["body"]["totalSize"]) == ("a", 200, 48)
    assert (two["httpStatusCode"], two["body"][0]["errorCode"]) == (400, "INVALID_TYPE")
    batch = reading.post(
        "/composite/batch", {"batchRequests": [{"method": "GET", "url": "v62.0/sobjects/Account/describe"}]}
    )
    assert batch.json["results"][0]["result"]["name"] == "Account"


def test_old_and_unknown_versions(reading: Salesforce) -> None:
    assert reading.get("/services/data/v30.0/limits").status == 410
    assert reading.get("/services/data/v99.0/limits").status == 404
    versions = [entry["version"] for entry in Salesforce.get(reading, "/services/data/").json]
    assert (versions[0], versions[-1]) == ("31.0", "67.0")
    old = reading.query("SELECT PrevAmount FROM OpportunityHistory", None, "query")
    assert old.status == 200
    path = "/services/data/v49.0/query"
    assert reading.get(path, q="SELECT PrevAmount FROM OpportunityHistory").json[0]["errorCode"] == "INVALID_FIELD"
