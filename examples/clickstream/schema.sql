-- The destination tables in PostgreSQL.
CREATE TABLE IF NOT EXISTS page_views (
  at_minute TIMESTAMP(3), page TEXT, view_count BIGINT, visitors BIGINT, PRIMARY KEY (at_minute, page)
);
CREATE TABLE IF NOT EXISTS click_totals (type TEXT PRIMARY KEY, clicks BIGINT, revenue NUMERIC(38, 2));
