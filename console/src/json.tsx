// Shows JSON text indented and coloured, token by token: numbers and escapes stay as they were sent.
import type { VNode } from 'preact';

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/g;

export function Json(props: { text: string }) {
  const out: (VNode | string)[] = [];
  let depth = 0;
  const line = () => '\n' + '  '.repeat(depth);
  const tokens = props.text.match(TOKEN) ?? [];
  tokens.forEach((token, i) => {
    const next = tokens[i + 1];
    if (token === '{' || token === '[') {
      depth++;
      out.push(token);
      if (next !== '}' && next !== ']') out.push(line());
    } else if (token === '}' || token === ']') {
      depth--;
      const before = tokens[i - 1];
      if (before !== '{' && before !== '[') out.push(line());
      out.push(token);
    } else if (token === ',') {
      out.push(token, line());
    } else if (token === ':') {
      out.push(': ');
    } else {
      const kind = token[0] === '"' ? (next === ':' ? 'k' : 's') : /^[tfn]/.test(token) ? 'b' : 'n';
      out.push(<span class={`j-${kind}`}>{token}</span>);
    }
  });
  return <pre class="json">{out}</pre>;
}
