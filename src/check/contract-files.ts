/** Files in which a user declares a contract. The first one is the one that findings point into. */
export const CONTRACT_FILES = ['contract.yaml', 'signature.json'] as const;
