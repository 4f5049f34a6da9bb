/*
 * Who may do what only one may do at a time. A lease runs on the database's clock, so that the clocks of services do not
 * matter, and its epoch grows each time it goes to somebody: what carries an older one is stale.
 *
 * That a lease ran out proves nothing about its holder, which may be stopped and wake up. Whoever needs it gone for
 * certain has to see to that first and then says so with `release`.
 */
export interface Leases {
  /** Takes the lease if nobody holds it. Null: somebody does, be it the asker itself. */
  claim(name: string, holder: string, seconds: number): Promise<Lease | null>;
  /** Takes the lease from whoever has it: for an asker who knows that the former holder is gone. */
  takeOver(name: string, holder: string, seconds: number): Promise<Lease>;
  /** False when it has run out, was released, or went to somebody else: it stays lost then. */
  renew(name: string, holder: string, seconds: number): Promise<boolean>;
  /** The holder is gone, or does nothing any more. False when the lease is not that holder's. */
  release(name: string, holder: string): Promise<boolean>;
  lease(name: string): Promise<Lease | null>;
}

export interface Lease {
  readonly name: string;
  /** Unlike that of any other holder, of earlier ones too. */
  readonly holder: string;
  readonly epoch: number;
  /** `expired`: it ran out, and nobody has said that the holder is gone. */
  readonly state: 'held' | 'expired' | 'released';
}
