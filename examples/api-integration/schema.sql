-- What the look-up join asks PostgreSQL for.
CREATE TABLE IF NOT EXISTS customers (id BIGINT PRIMARY KEY, name TEXT, email TEXT, tier TEXT, credit_limit NUMERIC(10, 2), blocked BOOLEAN);
INSERT INTO customers
SELECT n, (ARRAY['Ada', 'Bruno', 'Chloé', 'Dilara', 'Emil', 'Fatima', 'Grégoire', 'Hanna'])[1 + n % 8] || ' ' ||
          (ARRAY['Novak', 'Schmidt', 'Moreau', 'Silva', 'Kowalska', 'Rossi', 'Jensen'])[1 + n % 7],
       CASE WHEN n % 10 > 0 THEN 'customer' || n || '@example.org' END,
       CASE WHEN n % 9 = 0 THEN 'gold' WHEN n % 4 = 0 THEN 'silver' ELSE 'standard' END, 100 * (1 + n % 6), n % 25 = 0
FROM generate_series(1, 200) AS n
ON CONFLICT DO NOTHING;
