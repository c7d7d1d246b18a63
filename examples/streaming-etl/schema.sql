-- The destination tables in PostgreSQL.
CREATE TABLE IF NOT EXISTS order_facts (
  order_id   BIGINT PRIMARY KEY,
  ordered_at TIMESTAMPTZ,
  status     TEXT CHECK (status IN ('placed', 'paid', 'shipped', 'returned')),
  customer   TEXT,
  email      TEXT,
  country    TEXT,
  amount     NUMERIC(10, 2),
  paid       NUMERIC(38, 2),
  payments   BIGINT
);
CREATE TABLE IF NOT EXISTS revenue_by_country (country TEXT PRIMARY KEY, orders BIGINT, revenue NUMERIC(38, 2));
