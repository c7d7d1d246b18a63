"""What an operation is called in Flink's dialect and in DuckDB's. Where both mean different things, DuckDB's side is written so
that it means what Flink does, with the reason; what can't be written so is not generated (expressions.py)."""
from nodes import decimal_parts, is_decimal

# Macros on DuckDB's side.
MACROS = """
-- Integers wrap in Flink, overflow in DuckDB: arguments are HUGEINT.
CREATE OR REPLACE MACRO wrap32(x) AS CAST(((x + 2147483648::HUGEINT) & 4294967295::HUGEINT) - 2147483648::HUGEINT AS INTEGER);
CREATE OR REPLACE MACRO wrap64(x) AS
  CAST(((x + 9223372036854775808::HUGEINT) & 18446744073709551615::HUGEINT) - 9223372036854775808::HUGEINT AS BIGINT);
-- Decimals divide exactly in Flink, half up; as DOUBLE in DuckDB. n and d are integers. (sign, not
-- n < 0: over some outer joins DuckDB 2.0.1 takes that to be FALSE for a negative SUM.)
CREATE OR REPLACE MACRO half_up(n, d) AS CASE WHEN d = 0 OR d IS NULL OR n IS NULL THEN NULL ELSE
  sign(n) * sign(d) * ((2 * abs(n) + abs(d)) // (2 * abs(d))) END;
CREATE OR REPLACE MACRO decimal_text(r, s) AS (CASE WHEN r < 0 THEN '-' ELSE '' END)
  || CAST(abs(r) // pow10(s) AS VARCHAR) || '.' || lpad(CAST(abs(r) % pow10(s) AS VARCHAR), s, '0');
"""
POW10 = "CREATE OR REPLACE MACRO pow10(s) AS CASE s " + \
    " ".join(f"WHEN {i} THEN {10 ** i}::HUGEINT" for i in range(38)) + " END;"

SAME = None  # DuckDB's form is Flink's

# op: (Flink, DuckDB); {0}, {1} ..: arguments; {t}: the result's type; other names: attributes of the node.
OPS = {
    # DuckDB adds INTs as INTs, and fails on overflow.
    "add_INT": ("({0} + {1})", "wrap32({0}::HUGEINT + {1}::HUGEINT)"),
    "sub_INT": ("({0} - {1})", "wrap32({0}::HUGEINT - {1}::HUGEINT)"),
    "mul_INT": ("({0} * {1})", "wrap32({0}::HUGEINT * {1}::HUGEINT)"),
    "neg_INT": ("(- {0})", "wrap32(- ({0}::HUGEINT))"),
    "add_BIGINT": ("({0} + {1})", "wrap64({0}::HUGEINT + {1}::HUGEINT)"),
    "sub_BIGINT": ("({0} - {1})", "wrap64({0}::HUGEINT - {1}::HUGEINT)"),
    "mul_BIGINT": ("({0} * {1})", "wrap64({0}::HUGEINT * {1}::HUGEINT)"),
    "neg_BIGINT": ("(- {0})", "wrap64(- ({0}::HUGEINT))"),
    # Division by zero fails a job of Flink's and is NULL in DuckDB: a NULL divisor is NULL in both.
    "div_INT": ("({0} / NULLIF({1}, 0))", "wrap32({0}::HUGEINT // NULLIF({1}, 0)::HUGEINT)"),
    "div_BIGINT": ("({0} / NULLIF({1}, 0))", "wrap64({0}::HUGEINT // NULLIF({1}, 0)::HUGEINT)"),
    "mod_INT": ("MOD({0}, NULLIF({1}, 0))", "wrap32({0}::HUGEINT % NULLIF({1}, 0)::HUGEINT)"),
    "mod_BIGINT": ("MOD({0}, NULLIF({1}, 0))", "wrap64({0}::HUGEINT % NULLIF({1}, 0)::HUGEINT)"),
    # + 0e0: there is no -0.0, which is another value than 0.0 for GROUP BY in Flink, the same in DuckDB.
    "add_DOUBLE": ("({0} + {1})", SAME),
    "sub_DOUBLE": ("({0} - {1})", SAME),
    "mul_DOUBLE": ("({0} * {1} + 0e0)", SAME),
    "neg_DOUBLE": ("(- {0} + 0e0)", SAME),
    "div_DOUBLE": ("({0} / NULLIF({1}, 0e0) + 0e0)", SAME),
    "add_DECIMAL": ("({0} + {1})", "CAST({0} + {1} AS {t})"),
    "sub_DECIMAL": ("({0} - {1})", "CAST({0} - {1} AS {t})"),
    "mul_DECIMAL": ("({0} * {1})", "CAST({0} * {1} AS {t})"),
    "neg_DECIMAL": ("(- {0})", SAME),
    # shift: result's scale - dividend's + divisor's; s0, s1: scales of the arguments; s: of the result.
    "div_DECIMAL": ("({0} / NULLIF({1}, 0))",
                    "CAST(decimal_text(half_up(CAST({0} * {one0} AS HUGEINT) * pow10({shift}), CAST(NULLIF({1}, 0) * {one1} AS HUGEINT)), {s}) AS {t})"),
    "abs": ("ABS({0})", SAME),
    "sign": ("SIGN({0})", SAME),
    "floor": ("(FLOOR({0}) + 0e0)", SAME),
    "ceil": ("(CEIL({0}) + 0e0)", SAME),
    # GREATEST and LEAST are NULL when an argument is in Flink, skip it in DuckDB.
    "greatest": ("GREATEST({0}, {1})", "CASE WHEN {0} IS NULL OR {1} IS NULL THEN NULL ELSE greatest({0}, {1}) END"),
    "least": ("LEAST({0}, {1})", "CASE WHEN {0} IS NULL OR {1} IS NULL THEN NULL ELSE least({0}, {1}) END"),
    "coalesce": ("COALESCE({0}, {1})", SAME),
    "ifnull": ("IFNULL({0}, {1})", SAME),
    "if": ("IF({0}, {1}, {2})", "CASE WHEN {0} THEN {1} ELSE {2} END"),
    "nullif": ("NULLIF({0}, {1})", SAME),
    "case1": ("CASE WHEN {0} THEN {1} ELSE {2} END", SAME),
    "case_no_else": ("CASE WHEN {0} THEN {1} END", SAME),
    "case2": ("CASE WHEN {0} THEN {1} WHEN {2} THEN {3} ELSE {4} END", SAME),
    "case_value": ("CASE {0} WHEN {1} THEN {2} ELSE {3} END", SAME),
    # ---- casts
    "cast": ("CAST({0} AS {t})", SAME),
    # Flink cuts fractions off, DuckDB rounds.
    "cast_truncating": ("CAST({0} AS {t})", "CAST(trunc({0}) AS {t})"),
    # TRUE in Flink, true in DuckDB.
    "boolean_to_string": ("CAST({0} AS STRING)", "upper(CAST({0} AS VARCHAR))"),
    # TIMESTAMP(3) always shows three digits in Flink.
    "timestamp_to_string": ("CAST({0} AS STRING)", "strftime({0}, '%Y-%m-%d %H:%M:%S.%g')"),
    # Flink cuts decimals off, DuckDB rounds.
    "try_cast_int": ("TRY_CAST({0} AS INT)", r"TRY_CAST(regexp_replace({0}, '^(\s*[-+]?\d+)\.\d*(\s*)$', '\1\2') AS INT)"),
    # ---- comparisons and logic
    "eq": ("({0} = {1})", SAME), "ne": ("({0} <> {1})", SAME), "lt": ("({0} < {1})", SAME),
    "le": ("({0} <= {1})", SAME), "gt": ("({0} > {1})", SAME), "ge": ("({0} >= {1})", SAME),
    "and": ("({0} AND {1})", SAME), "or": ("({0} OR {1})", SAME), "not": ("(NOT {0})", SAME),
    "is_null": ("({0} IS NULL)", SAME), "is_not_null": ("({0} IS NOT NULL)", SAME),
    "distinct": ("({0} IS DISTINCT FROM {1})", SAME),
    "not_distinct": ("({0} IS NOT DISTINCT FROM {1})", SAME),
    "is_true": ("({0} IS TRUE)", SAME), "is_false": ("({0} IS FALSE)", SAME),
    "is_not_true": ("({0} IS NOT TRUE)", SAME), "is_not_false": ("({0} IS NOT FALSE)", SAME),
    "is_unknown": ("({0} IS UNKNOWN)", "({0} IS NULL)"),
    "between": ("({0} BETWEEN {1} AND {2})", SAME),
    "not_between": ("({0} NOT BETWEEN {1} AND {2})", SAME),
    "between_symmetric": ("({0} BETWEEN SYMMETRIC {1} AND {2})", "(({0} BETWEEN {1} AND {2}) OR ({0} BETWEEN {2} AND {1}))"),
    "in3": ("({0} IN ({1}, {2}, {3}))", SAME),
    "not_in3": ("({0} NOT IN ({1}, {2}, {3}))", SAME),
    "like": ("({0} LIKE {pattern})", SAME),
    "not_like": ("({0} NOT LIKE {pattern})", SAME),
    # ---- strings
    "concat": ("({0} || {1})", SAME),
    # CONCAT is NULL when an argument is in Flink, skips it in DuckDB.
    "concat_function": ("CONCAT({0}, {1})", "({0} || {1})"),
    "concat_ws": ("CONCAT_WS('-', {0}, {1})", SAME),
    "upper": ("UPPER({0})", SAME), "lower": ("LOWER({0})", SAME),
    "trim": ("TRIM({0})", SAME), "ltrim": ("LTRIM({0})", SAME), "rtrim": ("RTRIM({0})", SAME),
    "reverse": ("REVERSE({0})", SAME),
    "repeat": ("REPEAT({0}, {n})", SAME),
    "replace": ("REPLACE({0}, 'a', {1})", SAME),
    # Lengths of zero or below and positions of zero or below mean different things: literals from 1 on.
    "substring": ("SUBSTRING({0} FROM {n} FOR {m})", SAME),
    "substring_rest": ("SUBSTRING({0} FROM {n})", SAME),
    "left": ("LEFT({0}, {n})", SAME), "right": ("RIGHT({0}, {n})", SAME),
    "lpad": ("LPAD({0}, {n}, '*+')", SAME), "rpad": ("RPAD({0}, {n}, '*+')", SAME),
    "length": ("CHAR_LENGTH({0})", "CAST(length({0}) AS INTEGER)"),
    "position": ("POSITION({1} IN {0})", "CAST(position({1} IN {0}) AS INTEGER)"),
    "starts_with": ("STARTSWITH({0}, {1})", "starts_with({0}, {1})"),
    # ---- time
    "extract": ("EXTRACT({unit} FROM {0})", "CAST(EXTRACT({unit} FROM {0}) AS BIGINT)"),
    # 1 is Sunday in Flink, 0 in DuckDB.
    "extract_dow": ("EXTRACT(DOW FROM {0})", "CAST(EXTRACT(DOW FROM {0}) + 1 AS BIGINT)"),
    "timestamp_diff": ("TIMESTAMPDIFF({unit}, {0}, {1})", "CAST(date_sub('{unit}', {0}, {1}) AS INTEGER)"),
    "plus_interval": ("({0} + INTERVAL '{n}' {unit})", SAME),
    "minus_interval": ("({0} - INTERVAL '{n}' {unit})", SAME),
    # A DATE and days stay a DATE in Flink, become a TIMESTAMP in DuckDB.
    "date_plus_interval": ("({0} + INTERVAL '{n}' {unit})", "CAST({0} + INTERVAL '{n}' {unit} AS DATE)"),
    "floor_time": ("FLOOR({0} TO {unit})", "date_trunc('{unit}', {0})"),
    "date_format": ("DATE_FORMAT({0}, 'yyyy-MM-dd HH:mm')", "strftime({0}, '%Y-%m-%d %H:%M')"),
    # ---- aggregates; {d}: 'DISTINCT ' or nothing
    "count": ("COUNT({d}{0})", SAME),
    "min": ("MIN({d}{0})", SAME), "max": ("MAX({d}{0})", SAME),
    # SUM and AVG of integers stay of their type in Flink and wrap; AVG cuts off. DuckDB: HUGEINT, DOUBLE.
    "sum_INT": ("SUM({d}{0})", "wrap32(SUM({d}{0}){f})"),
    "sum_BIGINT": ("SUM({d}{0})", "wrap64(SUM({d}{0}){f})"),
    "sum_DOUBLE": ("SUM({d}{0})", SAME),
    "sum_DECIMAL": ("SUM({d}{0})", SAME),
    "avg_INT": ("AVG({d}{0})", "CAST(SUM({d}{0}){f} // COUNT({d}{0}){f} AS INTEGER)"),
    "avg_BIGINT": ("AVG({d}{0})", "(wrap64(SUM({d}{0}){f}) // COUNT({d}{0}){f})"),
    "avg_DOUBLE": ("AVG({d}{0})", SAME),
    "avg_DECIMAL": ("AVG({d}{0})", "CAST(decimal_text(half_up(CAST(SUM({d}{0}){f} * {one0} AS HUGEINT) * pow10({shift}), COUNT({d}{0}){f}::HUGEINT), {s}) AS {t})"),
}


def duck_type(type_name):
    return {"INT": "INTEGER", "STRING": "VARCHAR", "TIMESTAMP(3)": "TIMESTAMP"}.get(type_name, type_name)


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def literal_text(type_name, value, duck):
    if value is None:
        return f"CAST(NULL AS {duck_type(type_name) if duck else type_name})"
    if type_name == "STRING":
        return quoted(value)
    if type_name == "BOOLEAN":
        return "TRUE" if value else "FALSE"
    if type_name == "DATE":
        return f"DATE '{value}'"
    if type_name == "TIMESTAMP(3)":
        return f"TIMESTAMP '{value}'"
    if type_name == "DOUBLE":
        return f"CAST({value} AS DOUBLE)" if duck or value < 0 else f"{value}e0"
    if is_decimal(type_name):
        return f"CAST('{value}' AS {type_name})"
    if type_name == "BIGINT":
        return f"CAST({value} AS BIGINT)"
    if value == -2147483648:  # the minus is not of the literal: it would be a BIGINT
        return f"CAST({value} AS INT)"
    return f"({value})" if value < 0 else str(value)


def scale_of(type_name):
    return decimal_parts(type_name)[1]
