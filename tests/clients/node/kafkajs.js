// kafkajs. See ../README.md for what the commands do.
const { Kafka, CompressionTypes, CompressionCodecs, Partitioners, logLevel } = require('kafkajs')

const say = event => process.stdout.write(JSON.stringify(event) + '\n')
const codecs = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy,
                 lz4: CompressionTypes.LZ4 }
CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')
CompressionCodecs[CompressionTypes.LZ4] = new (require('kafkajs-lz4'))().codec

const client = bootstrap => new Kafka({ clientId: 'kafkajs', brokers: bootstrap.split(','), logLevel: logLevel.NOTHING,
                                        retry: { initialRetryTime: 100, retries: 60, maxRetryTime: 1000 } })

// To one partition at a time: kafkajs keeps the answers of a send by broker, and so forgets what it sent to a leader that
// dies when the next leader has answered for other partitions (its issue 1303).
async function produce(bootstrap, topic, count, codec) {
  const producer = client(bootstrap).producer({ createPartitioner: Partitioners.DefaultPartitioner, idempotent: true })
  await producer.connect()
  const admin = client(bootstrap).admin()
  const partitionMetadata = (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions
  await admin.disconnect()
  const place = Partitioners.DefaultPartitioner()
  for (let from = 0; from < count; from += 500) {
    const messages = []
    for (let i = from; i < Math.min(count, from + 500); ++i)
      messages.push({ key: `key-${i % 50}`, value: `${i}:`.padEnd(100, 'x') })
    for (const { partitionId } of partitionMetadata) {
      const its = messages.filter(message => place({ topic, partitionMetadata, message }) === partitionId)
      if (its.length > 0) await producer.send({ topic, messages: its, acks: -1, compression: codecs[codec] })
    }
  }
  await producer.disconnect()
  say({ partitions: null })
}

async function group(bootstrap, topic, groupId) {
  const consumer = client(bootstrap).consumer(
    { groupId, sessionTimeout: 10000, heartbeatInterval: 500, maxWaitTimeInMs: 500 })
  consumer.on(consumer.events.GROUP_JOIN,
              event => say({ assigned: (event.payload.memberAssignment[topic] || []).sort((a, b) => a - b) }))
  consumer.on(consumer.events.REBALANCING, () => say({ assigned: [] }))
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommitInterval: 500,
    eachMessage: async ({ partition, message }) =>
      say({ record: [partition, Number(message.offset), message.value.toString()] })
  })
  process.stdin.on('end', async () => {
    await consumer.disconnect()
    say({ closed: true })
    process.exit(0)
  })
  process.stdin.resume()
}

say({ version: `kafkajs ${require('kafkajs/package.json').version}, node ${process.version}` })
const [command, ...rest] = process.argv.slice(2)
;({ produce, group })[command](...rest).catch(error => {
  console.error(error)
  process.exit(1)
})
