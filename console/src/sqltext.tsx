// SQL with its words coloured; for reading, and under the editor's transparent text.
import type { VNode } from 'preact';

const WORDS = new Set(('SELECT FROM WHERE GROUP BY HAVING ORDER LIMIT INSERT INTO VALUES CREATE TABLE VIEW TEMPORARY DROP WITH AS AND OR NOT NULL IS IN LIKE BETWEEN CASE WHEN THEN ELSE END ' +
  'JOIN LEFT RIGHT FULL INNER OUTER CROSS ON UNION ALL DISTINCT FILTER OVER PARTITION WATERMARK FOR PRIMARY KEY ENFORCED EXECUTE STATEMENT SET BEGIN EXPLAIN PLAN INTERVAL SECOND MINUTE HOUR DAY ' +
  'TUMBLE HOP CUMULATE SESSION DESCRIPTOR METADATA VIRTUAL IF EXISTS SHOW TABLES DESCRIBE RESET CAST TRY_CAST ' +
  'STRING INT BIGINT DOUBLE FLOAT BOOLEAN DECIMAL TIMESTAMP TIMESTAMP_LTZ DATE TIME BYTES VARCHAR CHAR ARRAY MAP ROW SMALLINT TINYINT').split(' '));
const TOKEN = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'?|`[^`]*`?|[A-Za-z_][A-Za-z0-9_]*|\d[\d.]*|\s+|[^]/g;

export function coloured(text: string): (VNode | string)[] {
  return (text.match(TOKEN) ?? []).map((token) => {
    if (token.startsWith('--') || token.startsWith('/*')) return <span class="q-comment">{token}</span>;
    if (token[0] === "'") return <span class="q-text">{token}</span>;
    if (/^\d/.test(token)) return <span class="q-number">{token}</span>;
    if (WORDS.has(token.toUpperCase())) return <span class="q-word">{token}</span>;
    return token;
  });
}

export const Sql = (props: { text: string }) => <pre class="sql">{coloured(props.text.trim())}</pre>;
