/**
 * How much of the store an unprivileged domain may use. Domain 0 has no limits. As in xenstored, a watch or a
 * transaction is refused when there are more than the limit already: there can be one more.
 */
export interface Quota {
  /** Nodes that a domain owns. */
  readonly nodes: number;
  /** Bytes of one node, which are fewer: header, value, permissions and names of children. */
  readonly nodeSize: number;
  /** Entries in the permissions of one node. */
  readonly permissions: number;
  readonly watches: number;
  /** Transactions open at the same time. */
  readonly transactions: number;
  /** Changes in one transaction. */
  readonly transactionChanges: number;
  /** Bytes of replies and watch events that wait for the domain to read them. */
  readonly outstanding: number;
}

/** The defaults of xenstored, with its names for them in brackets. */
export const DEFAULT_QUOTA: Quota = {
  nodes: 1000, // nb_entry_per_domain
  nodeSize: 2048, // max_entry_size
  permissions: 5, // max_perms_per_node
  watches: 128, // nb_watch_per_domain
  transactions: 10, // max_transaction_per_domain
  transactionChanges: 1024, // trans_nodes
  outstanding: 256 << 10, // memory_per_domain_soft
};
