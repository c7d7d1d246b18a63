// Prints a hash of everything that dist/ is made of; `npm run build` writes it to dist.sha256, and a test compares.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
function files(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).sort().flatMap((name) => files(join(path, name)));
}
const hash = createHash('sha256');
for (const top of ['index.html', 'package-lock.json', 'public', 'src', 'tsconfig.json', 'vite.config.ts']) {
  for (const file of files(join(root, top))) hash.update(`${relative(root, file)}\0`).update(readFileSync(file)).update('\0');
}
console.log(hash.digest('hex'));
