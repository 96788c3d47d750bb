// Writes config/wa-trunk.example.yaml and the table of docs/reference/configuration.md from the schema.
//   node --import tsx scripts/config-docs.mjs [--check]
// With --check nothing is written: exit 1 when one of them is not in step.
import { readFileSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { variableOf } from '../gateway/config/environment.ts';
import { settings } from '../gateway/config/schema.ts';

const EXAMPLE = new URL('../config/wa-trunk.example.yaml', import.meta.url);
const REFERENCE = new URL('../docs/reference/configuration.md', import.meta.url);
const COMMENT_WIDTH = 100;

const HEADER = `# wa-trunk: the configuration, every key with its meaning, unit and default.
# Copy it, set what is marked "required", then: wa-trunk check -c wa-trunk.yaml
# A key right behind a # is optional: remove that # to set it, and those of the lines below that belong to it.
# Secrets never stand in this file: it names files that hold them, or environment variables give them.
`;

function example() {
  return `${HEADER}${groupLines(settings, false).join('\n')}\n`;
}

/** The lines of a group's keys. `inside`: part of a block that is commented out as a whole. */
function groupLines(group, inside) {
  return Object.entries(group.fields).flatMap(([key, field], i) => {
    const lines = [...comment(field), ...keyLines(key, field, inside)];
    return group === settings ? ['', ...lines] : i === 0 ? lines : lines;
  });
}

function comment(field) {
  return [...field.doc.split('\n'), ...presence(field)]
    .flatMap((line) => wrap(line, COMMENT_WIDTH))
    .map((line) => `# ${line}`);
}

function presence(field) {
  const type = typeOf(field.shape);
  switch (field.presence.kind) {
    case 'section':
      return [];
    case 'required':
      return [`${type}; required.`];
    case 'optional':
      return [`${type}; optional, without it: ${field.presence.meaning}.`];
    case 'default':
      return [`${type}; default ${defaultText(field)}.`];
  }
}

function keyLines(key, field, inside) {
  const lines = valueLines(key, field, inside || isCommentedOut(field));
  return isCommentedOut(field) && !inside ? lines.map((line) => `#${line}`) : lines;
}

function isCommentedOut(field) {
  const { presence, shape } = field;
  if (presence.kind === 'optional') return !field.live;
  return (
    presence.kind === 'default' &&
    presence.meaning !== undefined &&
    (shape.item.kind !== 'group' || presence.raw.length === 0)
  );
}

function valueLines(key, field, inside) {
  const { shape } = field;
  // Defaults that cannot all stand in one file have an example of their own.
  const value = field.example ?? (field.presence.kind === 'default' ? field.presence.raw : undefined);
  if (shape.kind === 'group') return [`${key}:`, ...indent(groupLines(shape, inside))];
  if (shape.kind === 'list' && shape.item.kind === 'group')
    return [`${key}:`, ...indent(itemLines(shape.item, inside))];
  if (Array.isArray(value) && value.length > 4) return [`${key}:`, ...value.map((item) => `  - ${item}`)];
  if (Array.isArray(value)) return [`${key}: [${value.map(scalar).join(', ')}]`];
  if (shape.kind === 'dictionary') return [`${key}:`, ...indent(Object.entries(value).map(([k, v]) => `${k}: ${v}`))];
  return [`${key}: ${scalar(value)}`];
}

/** One item: the comment of its first key stands above the dash. */
function itemLines(group, inside) {
  const lines = groupLines(group, inside);
  const first = lines.findIndex((line) => !line.startsWith('#'));
  return lines.map((line, i) => (i < first ? line : i === first ? `- ${line}` : `  ${line}`));
}

function indent(lines) {
  return lines.map((line) => `  ${line}`);
}

function scalar(value) {
  return stringify(value, { singleQuote: true, lineWidth: 0 })
    .trim()
    .replace(/^"(.*)"$/, "'$1'");
}

function wrap(text, width) {
  const lines = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length >= width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function typeOf(shape) {
  switch (shape.kind) {
    case 'scalar':
      return shape.type === 'integer' ? shape.allowed.replace(/^an /, '') : shape.type;
    case 'list':
      return `list of ${shape.item.kind === 'scalar' ? shape.item.type : shape.noun}`;
    case 'group':
      return 'keys';
    case 'dictionary':
      return 'names with texts';
  }
}

function defaultText(field) {
  const { raw, meaning } = field.presence;
  return meaning ?? (Array.isArray(raw) ? `[${raw.join(', ')}]` : String(raw));
}

function rows(group, path, variable) {
  return Object.entries(group.fields).flatMap(([key, field]) => {
    const at = [...path, key];
    const { shape } = field;
    const inner =
      shape.kind === 'group'
        ? rows(shape, at, variable && field.presence.kind === 'section')
        : shape.kind === 'list' && shape.item.kind === 'group'
          ? rows(shape.item, [...path, `${key}[]`], false)
          : [];
    if (field.presence.kind === 'section') return inner;
    const named = variable && shape.kind === 'scalar' ? ` \`${variableOf(at)}\`` : '';
    const doc = field.doc.replaceAll('\n', ' ');
    return [
      `| \`${at.join('.')}\` | ${cell(typeOf(shape))} | ${cell(defaultCell(field))} | ${cell(doc)}${named} |`,
      ...inner,
    ];
  });
}

function defaultCell(field) {
  switch (field.presence.kind) {
    case 'required':
      return '**required**';
    case 'optional':
      return `none: ${field.presence.meaning}`;
    default:
      return field.presence.meaning ?? `\`${defaultText(field)}\``;
  }
}

function cell(text) {
  return text.replaceAll('|', '\\|');
}

const BEGIN = '<!-- keys: made by scripts/config-docs.mjs -->';
const END = '<!-- end of keys -->';

function reference(page) {
  const [head, rest] = page.split(BEGIN);
  const tail = rest?.split(END)[1];
  if (tail === undefined) throw new Error(`docs/reference/configuration.md: the lines ${BEGIN} and ${END} are gone`);
  const table = [
    '| Key | Type | Default | Meaning, and environment variable |',
    '|---|---|---|---|',
    ...rows(settings, [], true),
  ];
  return `${head}${BEGIN}\n${table.join('\n')}\n${END}${tail}`;
}

function read(url) {
  try {
    return readFileSync(url, 'utf8');
  } catch {
    return '';
  }
}

const wanted = [
  [EXAMPLE, example()],
  [REFERENCE, reference(read(REFERENCE))],
];
const stale = wanted.filter(([url, text]) => read(url) !== text);
if (process.argv.includes('--check')) {
  for (const [url] of stale)
    console.error(`${url.pathname} is not in step: run node --import tsx scripts/config-docs.mjs`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const [url, text] of stale) writeFileSync(url, text);
}
