/** An entry of a table, by a name that comes from outside: `constructor` and `toString` are in no table. */
export function entryOf<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
