-- The destination table in PostgreSQL, for whatever draws the dashboard.
CREATE TABLE IF NOT EXISTS kpi_today (
  day_start TIMESTAMP(3), until_time TIMESTAMP(3), orders BIGINT, revenue NUMERIC(38, 2), buyers BIGINT, mobile_share NUMERIC(6, 4),
  PRIMARY KEY (day_start, until_time)
);
