#!/usr/bin/env node
// Stands in for mongorestore where MongoDB's tools can't be had; of its options it knows those that infra/README.md uses.
// Reads what the stand-in for mongodump has written. As with --drop, a collection in the archive replaces the one there is.
const { createGunzip } = require("zlib");
const { createInterface } = require("readline");
const { MongoClient, BSON } = require("/opt/node_modules/mongodb");

const option = (name) => process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);

async function replace(client, { db, collection, options, indexes }) {
  await client.db(db).dropCollection(collection).catch(() => {});
  const created = await client.db(db).createCollection(collection, options);
  const others = indexes.filter((index) => index.name !== "_id_");
  if (others.length > 0) await created.createIndexes(others);
  return created;
}

async function main() {
  const client = await MongoClient.connect(option("uri"));
  let collection;
  for await (const text of createInterface({ input: process.stdin.pipe(createGunzip()) })) {
    const line = BSON.EJSON.parse(text, { relaxed: false });
    if (line.document) await collection.insertOne(line.document, { writeConcern: { w: "majority" } });
    else collection = await replace(client, line);
  }
  await client.close();
}

main().catch((error) => {
  console.error(`mongorestore: ${error.message}`);
  process.exitCode = 1;
});
