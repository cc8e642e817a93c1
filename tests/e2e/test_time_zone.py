"""What `tarn sql` prints of instants, in the time zone that the session has."""


def test_the_time_zone_of_a_session_is_that_of_what_is_printed(project):
    project.yaml("name: shop\n")
    project.apply()
    query = "SELECT '2024-07-01 12:00:00+00'::timestamptz AS at, ['2024-01-01 12:00:00+00'::timestamptz] AS list, timestamp '2024-07-01 12:00:00' AS plain"
    shown = lambda zone, format: project.run("sql", "-c", f"SET TimeZone = '{zone}'; {query}", "--format", format).stdout
    assert "2024-07-01 14:00:00+02,[2024-01-01 13:00:00+01],2024-07-01 12:00:00\n" in shown("Europe/Berlin", "csv")
    assert '"at": "2024-07-01 17:30:00+05:30"' in shown("Asia/Kolkata", "json")
    assert "2024-07-01 08:00:00-04" in shown("America/New_York", "table")
    same = "SELECT i::varchar AS text, i FROM (SELECT t::timestamptz AS i FROM range(timestamp '1900-01-01', timestamp '2100-01-01', interval '97 days') r(t))"
    rows = project.run("sql", "-c", f"SET TimeZone = 'America/New_York'; {same}", "--format", "json").rows()
    assert len(rows) > 700 and all(row["text"] == row["i"] for row in rows), "casts and what is printed are of one zone"
    assert "2024-07-01 12:00:00+00" in project.run("sql", "-c", f"SET TimeZone = 'Europe/Berlin'; RESET TimeZone; {query}", "--format", "csv").stdout
    assert "Nowhere" in project.run("sql", "-c", "SET TimeZone = 'Nowhere/X'", check=1).stderr
