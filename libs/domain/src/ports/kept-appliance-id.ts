/**
 * The value of the tag on everything that this installation makes in Azure, in the books. It is kept once and never changed:
 * what was made under it would be foreign.
 */
export interface KeptApplianceId {
  /** Null: none is kept yet. */
  read(): Promise<string | null>;
  /** Whether the ledger lists something that was made under an id, kept or not, and has not been removed. */
  anythingMade(): Promise<boolean>;
  /** Keeps this one unless one is kept already. Returns the one that is kept, the same for all who ask at once. */
  keep(id: string): Promise<string>;
}
