// Run by each pod of a database until it belongs to the replica set. It may run at any time, and any number of times.
const [name, ordinal] = process.env.POD_NAME.match(/^(.*)-(\d+)$/).slice(1);
const host = (number) => `${name}-${number}.${process.env.SERVICE}:27017`;

function belongs() {
  try {
    const me = rs.status().members.find((member) => member.self);
    return me !== undefined && (me.stateStr === "PRIMARY" || me.stateStr === "SECONDARY");
  } catch (error) {
    if (error.codeName === "NotYetInitialized" || error.codeName === "InvalidReplicaSetConfig") {
      return false;
    }
    throw error;
  }
}

if (!belongs()) {
  if (ordinal === "0") {
    // The first one makes the set, with itself alone. Two seconds without a primary are enough to elect another.
    const config = { _id: "rs0", members: [{ _id: 0, host: host(0) }], settings: { electionTimeoutMillis: 2000 } };
    try {
      rs.initiate(config);
    } catch (error) {
      if (error.codeName !== "AlreadyInitialized") {
        throw error;
      }
    }
  } else {
    // The others join it, one after the other: a change of the set must be known before the next one.
    const set = new Mongo(`mongodb://${host(0)}/?replicaSet=rs0&serverSelectionTimeoutMS=5000`);
    const admin = set.getDB("admin");
    const config = admin.runCommand({ replSetGetConfig: 1 }).config;
    if (!config.members.some((member) => member.host === host(ordinal))) {
      config.members.push({ _id: Number(ordinal), host: host(ordinal) });
      config.version += 1;
      const changed = admin.runCommand({ replSetReconfig: config });
      if (changed.ok !== 1) {
        throw new Error(changed.errmsg);
      }
    }
  }
  if (!belongs()) {
    quit(1); // not yet: the probe comes again
  }
}
