/**
 * Are the npm packages there that package-lock.json asks for? Plain Node.
 *
 * npm notes what it has installed in node_modules/.package-lock.json, in the form of package-lock.json. The two are
 * compared by content: a checkout gives files new times whether or not they differ.
 */

/**
 * The packages that are missing, or there in another version or with other content. Optional packages may be
 * missing: most are for other systems. Packages too many are left alone.
 * @param {string} wanted text of package-lock.json
 * @param {string | undefined} installed text of node_modules/.package-lock.json, if there is one
 * @returns {string[]} their paths: "node_modules/commander"
 */
export function outdatedPackages(wanted, installed) {
  const there = installed === undefined ? {} : packagesOf(installed);
  return Object.entries(packagesOf(wanted))
    .filter(([path, asked]) => {
      // The project itself.
      if (path === "") return false;
      const found = there[path];
      if (found === undefined) return asked.optional !== true && asked.devOptional !== true;
      return found.version !== asked.version || found.integrity !== asked.integrity;
    })
    .map(([path]) => path);
}

/**
 * @param {string} text
 * @returns {Record<string, { version?: string, integrity?: string, optional?: boolean, devOptional?: boolean }>}
 */
function packagesOf(text) {
  try {
    return JSON.parse(text).packages ?? {};
  } catch {
    // Half written: as good as none.
    return {};
  }
}
