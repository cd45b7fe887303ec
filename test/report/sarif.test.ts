import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { rulesTable } from '../../src/check/rules-table.ts';
import { type Finding, finding, type Level } from '../../src/model/finding.ts';
import { sarif } from '../../src/report/sarif.ts';

const text = { type: 'string', minLength: 1 };
const message = { type: 'object', required: ['text'], properties: { text, markdown: text } };
const level = { enum: ['error', 'warning', 'note'] };
/**
 * What GitHub says it needs of SARIF 2.1.0 (docs.github.com, "SARIF support for code scanning", supported
 * properties), where it is more than the standard asks for.
 */
const NEEDED = {
  type: 'object',
  required: ['$schema', 'version', 'runs'],
  properties: {
    version: { const: '2.1.0' },
    runs: {
      type: 'array',
      minItems: 1,
      maxItems: 20,
      items: {
        type: 'object',
        required: ['tool', 'results'],
        properties: {
          tool: {
            type: 'object',
            required: ['driver'],
            properties: {
              driver: {
                type: 'object',
                required: ['name', 'semanticVersion', 'rules'],
                properties: {
                  rules: {
                    type: 'array',
                    maxItems: 25_000,
                    items: {
                      type: 'object',
                      required: ['id', 'shortDescription', 'fullDescription', 'help', 'defaultConfiguration'],
                      properties: {
                        id: { type: 'string', maxLength: 255 },
                        name: { type: 'string', maxLength: 255 },
                        shortDescription: { ...message, properties: { text: { ...text, maxLength: 1024 } } },
                        fullDescription: { ...message, properties: { text: { ...text, maxLength: 1024 } } },
                        help: message,
                        defaultConfiguration: { type: 'object', required: ['level'], properties: { level } },
                        properties: {
                          type: 'object',
                          properties: {
                            tags: { type: 'array', maxItems: 20, uniqueItems: true, items: text },
                            'problem.severity': { enum: ['recommendation', 'warning', 'error'] },
                          },
                        },
                      },
                    },
                  },
                },
              },
            },
          },
          results: {
            type: 'array',
            maxItems: 25_000,
            items: {
              type: 'object',
              required: ['ruleId', 'ruleIndex', 'level', 'message', 'locations', 'partialFingerprints'],
              properties: {
                level,
                message,
                locations: {
                  type: 'array',
                  minItems: 1,
                  maxItems: 1000,
                  items: {
                    type: 'object',
                    required: ['physicalLocation'],
                    properties: {
                      physicalLocation: {
                        type: 'object',
                        required: ['artifactLocation', 'region'],
                        properties: {
                          artifactLocation: {
                            type: 'object',
                            required: ['uri'],
                            // Relative, and from the root: no scheme, no slash in front, no characters of a query.
                            properties: { uri: { type: 'string', pattern: '^(?!/)[^:?#\\s\\\\]+$' } },
                          },
                          region: {
                            type: 'object',
                            required: ['startLine'],
                            properties: { startLine: { type: 'integer', minimum: 1 } },
                          },
                        },
                      },
                    },
                  },
                },
                partialFingerprints: { type: 'object', minProperties: 1, additionalProperties: text },
              },
            },
          },
        },
      },
    },
  },
};
const validate = new Ajv({ allErrors: true, strict: false }).compile(NEEDED);

const rules = rulesTable().map(({ id, says, help, group }) => ({ id, sentence: says, help, tags: [group] }));

/** One finding of every rule and level, placed and named as badly as can be. */
function everything(): Finding[] {
  const levels: readonly Level[] = ['error', 'warning', 'notice'];
  const files = ['models/a b/c:d?e#f.yaml', undefined, 'models/ü/\ud800.bin', 'models/wine'];
  return rules.map(({ id }, index) => {
    const file = files[index % files.length];
    return finding({
      rule: id,
      level: levels[index % 3] ?? 'error',
      message: `number ${index} [x](y) {0}`,
      ...(file !== undefined && { file }),
      ...(index % 2 === 0 && { line: index + 1, column: 3 }),
      ...(index % 5 === 0 && { example: '{"a": [1]}', help: 'Do it.' }),
      subject: 'predict.inputs.a',
      model: 'wine',
    });
  });
}

test('GitHub code scanning finds all that it needs in the SARIF, for every rule', () => {
  const log = JSON.parse(JSON.stringify(sarif(everything(), rules, '1.2.3'))) as {
    runs: {
      tool: { driver: { rules: { id: string }[] } };
      results: { ruleId: string; ruleIndex: number }[];
    }[];
  };
  assert.ok(validate(log), JSON.stringify(validate.errors, null, 1));
  const [run] = log.runs;
  assert.equal(run?.results.length, rules.length);
  for (const one of run?.results ?? []) assert.equal(run?.tool.driver.rules[one.ruleIndex]?.id, one.ruleId);
});

test('a check without findings is a run without results, which closes the alerts of the run before', () => {
  const log = JSON.parse(JSON.stringify(sarif([], rules, '1.2.3'))) as { runs: { results: unknown[] }[] };
  assert.ok(validate(log), JSON.stringify(validate.errors));
  assert.deepEqual(log.runs[0]?.results, []);
});

test('the most severe 5,000 findings are kept, as many as GitHub shows', () => {
  const many = Array.from({ length: 5100 }, (_, index) =>
    finding({ rule: 'x', level: index < 100 ? 'notice' : 'error', message: `number ${index}` }),
  );
  const results = sarif(many, [], '1.2.3').runs[0]?.results ?? [];
  assert.equal(results.length, 5000);
  assert.ok(results.every((one) => one.level === 'error'));
});
