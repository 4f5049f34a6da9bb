/** What a benchmark has measured, for programs and for people. */
export interface Report {
  readonly data: Readonly<Record<string, unknown>>;
  readonly table: string;
}
