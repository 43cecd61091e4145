// The startup probe of each pod of a database: it passes once this member, HOST, is a primary or a secondary of the
// replica set of all MEMBERS. Until then it does what is still to be done, so it may run at any time, any number of times.
const { HOST, MEMBERS } = process.env;
const members = MEMBERS.split(" ");
const me = db.hello();

if (!me.isWritablePrimary && !me.secondary) {
  // A member that has heard of a set only needs time: to find the others, or to copy their data.
  if (missesItself()) {
    db.adminCommand({ shutdown: 1, force: true }); // and its container is started again
  } else if (me.setName === undefined) {
    makeOrJoin();
  }
  quit(1); // not yet: the probe comes again
}

// mongod looks for itself in the set that it remembers by looking names up, once, when it starts. If there was nobody to ask
// then, as after all machines were lost, it takes itself for removed.
function missesItself() {
  try {
    rs.status();
    return false;
  } catch ({ codeName }) {
    return codeName === "InvalidReplicaSetConfig" && rs.conf().members.some((member) => member.host === HOST);
  }
}

function makeOrJoin() {
  const set = db.adminCommand({ getCmdLineOpts: 1 }).parsed.replication.replSet;
  const others = members.filter((member) => member !== HOST);
  if (others.some((other) => setOf(other) === set)) {
    join(set);
  } else if (HOST === members[0]) {
    // mongod refuses unless all are there, and none of them has ever been in a set. So one that comes back without its
    // volume, while the others are away, does not make a second set.
    const config = { _id: set, members: members.map((host, _id) => ({ _id, host })) };
    // So long without a primary, two and a half of its heartbeats, and the others elect one (default 10 s).
    config.settings = { electionTimeoutMillis: 5000 };
    rs.initiate(config);
  }
}

// The set that a member is in, if it answers and is in one.
function setOf(member) {
  try {
    const its = new Mongo(`mongodb://${member}/?directConnection=true&serverSelectionTimeoutMS=2000`);
    return its.getDB("admin").hello().setName;
  } catch {
    return undefined;
  }
}

// Through whichever member is the primary, which refuses one that it has: that one lost its volume, and will be told of the
// set. If others join at the same time, one change wins, and the rest come again.
function join(set) {
  const admin = new Mongo(`mongodb://${members}/?replicaSet=${set}&serverSelectionTimeoutMS=5000`).getDB("admin");
  const { config } = admin.runCommand({ replSetGetConfig: 1 });
  const taken = config.members.map((member) => member._id);
  const _id = [...taken.keys(), taken.length].find((free) => !taken.includes(free));
  config.members.push({ _id, host: HOST });
  config.version += 1;
  admin.runCommand({ replSetReconfig: config });
}
