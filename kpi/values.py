"""Values: cells turned into what is stored, with status, interval, flags and labels; totals of every period."""

from collections.abc import Mapping

from duckdb import DuckDBPyConnection

from kpi.catalogue.dimensions import LABELLED
from kpi.metric import Balance, Combined, Flow, Growth, Metric, Moment, Percentile, Periodic, PerSpan, Ratio, Unit
from kpi.settings import KpiSettings, Reporting
from kpi.warehouse import put_rows

Z = 1.959963984540054
COHORT_WINDOW = "SELECT greatest(30, 1.5 * coalesce(median(cycle), 0)) FROM closed_deals"
VALUES = """
CREATE OR REPLACE TABLE kpi_values AS
WITH totals AS (
    SELECT m.*, p.*, '' AS dimension, '' AS member, c.numerator, c.denominator, c.n, c.value, c.coverage, c.status,
        c.marks, c.detail
    FROM metrics m JOIN wanted_slices w ON w.kpi_key = m.kpi_key AND w.dimension = ''
    JOIN periods p ON p.calendar = w.calendar AND p.grain = w.grain
    LEFT JOIN (SELECT * FROM cells WHERE dimension = '') c ON c.kpi_key = m.kpi_key AND c.calendar = p.calendar
        AND c.grain = p.grain AND c.period_start = p.start_day
),
slices AS (
    SELECT m.*, p.*, c.dimension, c.member, c.numerator, c.denominator, c.n, c.value, c.coverage, c.status, c.marks,
        c.detail
    FROM (SELECT * FROM cells WHERE dimension <> '') c JOIN metrics m ON m.kpi_key = c.kpi_key
    JOIN periods p ON p.calendar = c.calendar AND p.grain = c.grain AND p.start_day = c.period_start
    WHERE NOT m.is_missing
),
every AS (SELECT * FROM totals UNION ALL SELECT * FROM slices),
counted AS (
    SELECT * EXCLUDE (numerator, denominator, n, value, coverage, status), value AS direct, status AS own_status,
        CASE WHEN NOT is_missing AND kind <> 'percentile' THEN coalesce(numerator, unless_why(own_status, kind)) END
            AS numerator,
        CASE WHEN NOT is_missing AND kind <> 'sum' THEN coalesce(denominator, unless_why(own_status, kind)) END
            AS denominator,
        CASE WHEN NOT is_missing THEN coalesce(n, 0) END AS n,
        CASE WHEN NOT is_missing THEN coverage END AS coverage
    FROM every
),
judged AS (
    SELECT *, CASE WHEN is_missing THEN 'source_missing' WHEN own_status IS NOT NULL THEN own_status
        WHEN kind = 'sum' THEN 'ok'
        WHEN denominator IS NULL OR denominator = 0 THEN 'zero_denominator'
        WHEN denominator < 0 THEN 'negative_base' ELSE 'ok' END AS status
    FROM counted
),
guessed AS (
    SELECT *, CASE WHEN abs(numerator) < 1e16 THEN abs(numerator) END AS over, abs(denominator) AS under,
        CASE digits WHEN 6 THEN 1000000 ELSE 10000000000 END AS scale,
        CAST(CASE WHEN status = 'ok' AND kind IN ('quotient', 'growth')
                AND abs(CAST(numerator AS DOUBLE)) * scale < 1e15 * CAST(denominator AS DOUBLE)
            THEN floor(abs(CAST(numerator AS DOUBLE)) * scale / CAST(denominator AS DOUBLE) + 0.5) END AS BIGINT)
            AS guess
    FROM judged
),
valued AS (
    SELECT *, CASE WHEN status <> 'ok' THEN NULL WHEN kind = 'sum' THEN numerator
        WHEN kind = 'percentile' THEN direct
        WHEN kind = 'change' THEN direct
        WHEN kind = 'ceiling' AND numerator = 0 THEN 0
        WHEN kind = 'ceiling' THEN CAST((unscaled(numerator) + unscaled(denominator) - 1) // unscaled(denominator)
            AS DECIMAL(28, 0))
        WHEN 2 * over * scale + under - 2 * guess * under >= 0 AND 2 * over * scale - 2 * guess * under < under
            THEN CASE WHEN numerator < 0 THEN -guess ELSE guess END
                * CASE digits WHEN 6 THEN 0.0000010000::DECIMAL(11, 10) ELSE 0.0000000001::DECIMAL(11, 10) END
            ELSE CAST(quotient(numerator, denominator, digits) AS DECIMAL(38, 10)) END AS value,
        CASE WHEN has_interval AND status = 'ok'
            THEN wilson(CAST(numerator AS DOUBLE), CAST(denominator AS DOUBLE)) END AS interval
    FROM guessed
)
SELECT v.kpi_key, v.version AS definition_version, v.calendar, v.grain, v.start_day AS period_start,
    v.end_day AS period_end, v.dimension, k.shown AS member, k.label AS member_label, k.dims,
    v.value, v.numerator, v.denominator, v.unit, v.currency, v.n,
    CAST(v.interval.low AS DECIMAL(38, 10)) AS ci_low, CAST(v.interval.high AS DECIMAL(38, 10)) AS ci_high, v.status,
    CASE WHEN v.is_missing THEN v.missing_detail ELSE v.detail END AS status_detail,
    flag_list(CAST(json_extract(v.coverage, '$.amount') AS DOUBLE) < 1,
        v.flags_small AND v.status = 'ok' AND v.n < min_sample(),
        CAST(json_extract(v.coverage, '$.fx_missing') AS BIGINT) > 0,
        v.cohort AND v.status = 'ok' AND today() - (v.end_day - 1) < cohort_window(), v.marks) AS flags,
    v.coverage, v.is_running AS is_partial,
    CAST(round(v.elapsed_days / (v.end_day - v.start_day), 10) AS DECIMAL(38, 10)) AS elapsed_fraction,
    NOT v.is_running AND v.end_day + late_window() <= today() AS is_final,
    md5(concat_ws('|', v.kpi_key, split_part(v.version, '.', 1), v.calendar, v.grain, v.start_day,
        CASE WHEN v.dimension = '' THEN '' ELSE v.dimension || '=' || v.member END, coalesce(v.currency, ''),
        parameters_hash())) AS series
FROM valued v JOIN members k ON k.dimension = v.dimension AND k.member = v.member
"""
MEMBERS = """
CREATE OR REPLACE TABLE members AS
WITH split AS (
    SELECT dimension, member,
        split_part(dimension, ',', 1) AS dimension_1, split_part(dimension, ',', 2) AS dimension_2,
        split_part(member, chr(31), 1) AS member_1, split_part(member, chr(31), 2) AS member_2
    FROM (SELECT dimension, member FROM cells UNION SELECT '', '')
)
SELECT s.dimension, s.member, replace(s.member, chr(31), ',') AS shown,
    coalesce(l1.label, bare_id(s.dimension_1, s.member_1)) || CASE WHEN s.dimension_2 = '' THEN ''
        ELSE ', ' || coalesce(l2.label, bare_id(s.dimension_2, s.member_2)) END AS label,
    CASE WHEN s.dimension = '' THEN '{}' ELSE '{' || array_to_string(list_transform(
        list_zip(string_split(s.dimension, ','), string_split(s.member, chr(31))),
        lambda one: CAST(to_json(one[1]) AS VARCHAR) || ':' || CAST(to_json(one[2]) AS VARCHAR)), ',') || '}'
        END AS dims
FROM split s
LEFT JOIN labels l1 ON l1.dimension = s.dimension_1 AND l1.member = s.member_1
LEFT JOIN labels l2 ON l2.dimension = s.dimension_2 AND l2.member = s.member_2
"""
"""Whatever values are sliced by, each once: how it is shown and named, and as JSON."""
METRICS = {
    "kpi_key": "VARCHAR", "version": "VARCHAR", "unit": "VARCHAR", "currency": "VARCHAR", "kind": "VARCHAR",
    "digits": "INTEGER", "has_interval": "BOOLEAN", "cohort": "BOOLEAN", "flags_small": "BOOLEAN",
    "is_missing": "BOOLEAN", "missing_detail": "VARCHAR",
}  # fmt: skip
WILSON = f"""CREATE OR REPLACE MACRO wilson(part, whole) AS {{
    'low': round(greatest(0, (part + {Z * Z / 2} - {Z} * sqrt(part * (whole - part) / whole + {Z * Z / 4}))
        / (whole + {Z * Z})), 10),
    'high': round(least(1, (part + {Z * Z / 2} + {Z} * sqrt(part * (whole - part) / whole + {Z * Z / 4}))
        / (whole + {Z * Z})), 10)}}"""
UNLESS_WHY = """CREATE OR REPLACE MACRO unless_why(status, kind) AS
    CASE WHEN status IS NULL AND kind <> 'change' THEN 0 END"""
BARE_ID = """CREATE OR REPLACE MACRO bare_id(dimension, member) AS CASE WHEN contains(member, ':') AND dimension IN
    ('owner', 'team', 'pipeline', 'stage', 'campaign', 'product', 'company')
    THEN substr(member, strpos(member, ':') + 1) ELSE member END"""
FLAG_LIST = """CREATE OR REPLACE MACRO flag_list(unpriced, small, fx, young, more) AS CASE
    WHEN more IS NOT NULL OR coalesce(unpriced OR small OR fx OR young, false) THEN '[' || concat_ws(',',
    CASE WHEN unpriced THEN '"amount_missing"' END, CASE WHEN small THEN '"below_min_sample"' END,
    CASE WHEN fx THEN '"fx_missing"' END, CASE WHEN young THEN '"immature"' END, more) || ']' END"""


def assemble(
    duck: DuckDBPyConnection,
    metrics: Mapping[str, Metric],
    missing: Mapping[str, str],
    settings: KpiSettings,
    reporting: Reporting,
) -> None:
    """Make `kpi_values` from `cells`. `missing` names, by KPI, the source that isn't connected."""
    [(window,)] = duck.execute(COHORT_WINDOW).fetchall()
    for signature, expression in (
        ("min_sample()", str(settings.min_sample)),
        ("late_window()", str(settings.late_data_window_days)),
        ("cohort_window()", str(window)),
        ("parameters_hash()", f"'{reporting.parameters_hash}'"),
    ):
        duck.execute(f"CREATE OR REPLACE MACRO {signature} AS {expression}")
    duck.execute(WILSON)
    duck.execute(UNLESS_WHY)
    duck.execute(FLAG_LIST)
    duck.execute(BARE_ID)
    _metrics(duck, metrics, missing, reporting)
    duck.execute(_labels())
    duck.execute(MEMBERS)
    duck.execute(VALUES)


def kind(metric: Metric) -> str:
    """How the value follows from the cell."""
    match metric:
        case Flow() | Moment(base="") | Balance(base="") | Periodic(base="") | Combined(denominator=""):
            return "sum"
        case Percentile():
            return "percentile"
        case Combined(rounded_up=True):
            return "ceiling"
        case Growth(of=Flow()):
            return "growth"
        case Growth():
            return "change"
        case _:
            return "quotient"


def _metrics(
    duck: DuckDBPyConnection, metrics: Mapping[str, Metric], missing: Mapping[str, str], reporting: Reporting
) -> None:
    rows = [
        (
            key,
            metric.card.version,
            str(metric.card.unit),
            reporting.currency if metric.card.unit is Unit.MONEY else None,
            kind(metric),
            6 if metric.card.unit is Unit.MONEY else 10,
            isinstance(metric, Ratio)
            or (isinstance(metric, Balance | Periodic | PerSpan | Combined) and metric.is_share),
            isinstance(metric, Ratio) and metric.cohort,
            metric.card.flags_small,
            key in missing,
            missing.get(key),
        )
        for key, metric in metrics.items()
    ]
    put_rows(duck, "metrics", METRICS, rows)


def _labels() -> str:
    named = " UNION ALL ".join(
        f"SELECT '{dimension}' AS dimension, connection || ':' || id AS member, "
        f"{'coalesce(name, email)' if table == 'users' else 'name'} AS label FROM {table}"
        for dimension, table in LABELLED.items()
    )
    return (
        f"CREATE OR REPLACE TABLE labels AS SELECT dimension, member, any_value(label) AS label FROM ({named} "
        "UNION ALL SELECT 'stage', s.connection || ':' || s.pipeline_id || '/' || s.id, "
        "coalesce(p.name, s.pipeline_id) || ' / ' || coalesce(s.name, s.id) FROM stages s LEFT JOIN pipelines p "
        "ON p.connection = s.connection AND p.id = s.pipeline_id) GROUP BY dimension, member"
    )
