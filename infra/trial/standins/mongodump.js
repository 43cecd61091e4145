#!/usr/bin/env node
// Stands in for mongodump where MongoDB's tools can't be had; of its options it knows those that infra/README.md uses.
// The archive is one gzip of lines: for each collection its name and indexes, then its documents, as extended JSON.
const { createGzip } = require("zlib");
const { MongoClient, BSON } = require("/opt/node_modules/mongodb");

const option = (name) => process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);

async function* lines(db) {
  for (const { name, type, options } of await db.listCollections().toArray()) {
    if (type === "collection" && !name.startsWith("system.")) {
      const indexes = await db.collection(name).indexes();
      yield { db: db.databaseName, collection: name, options, indexes };
      for await (const document of db.collection(name).find()) yield { document };
    }
  }
}

async function main() {
  const client = await MongoClient.connect(option("uri"));
  const zip = createGzip();
  zip.pipe(process.stdout);
  for await (const line of lines(client.db(option("db")))) {
    zip.write(`${BSON.EJSON.stringify(line, { relaxed: false })}\n`);
  }
  zip.end();
  await client.close();
}

main().catch((error) => {
  console.error(`mongodump: ${error.message}`);
  process.exitCode = 1;
});
