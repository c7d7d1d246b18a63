"""A Spark Structured Streaming application: spark_app.py HOST:PORT FOLDER. Copies the topic "events" to the topic "copied" and to
Parquet files, each query with a checkpoint of its own, until it is killed. Only committed records are read."""
import sys

from pyspark.sql import SparkSession

bootstrap, folder = sys.argv[1:]
spark = SparkSession.builder.master("local[2]").appName("copy").config("spark.ui.enabled", "false").config(
    "spark.sql.shuffle.partitions", "2").config("spark.driver.memory", "700m").getOrCreate()
spark.sparkContext.setLogLevel("WARN")
events = spark.readStream.format("kafka").option("kafka.bootstrap.servers", bootstrap).option("subscribe", "events").option(
    "startingOffsets", "earliest").option("maxOffsetsPerTrigger", 300).option("kafka.isolation.level", "read_committed").load()
events.select("key", "value").writeStream.format("kafka").option("kafka.bootstrap.servers", bootstrap).option("topic", "copied").option(
    "checkpointLocation", folder + "/topic-checkpoint").start()
events.selectExpr("CAST(value AS STRING) AS value", "partition", "offset").writeStream.format("parquet").option(
    "path", folder + "/files").option("checkpointLocation", folder + "/files-checkpoint").start()
print("started", flush=True)
spark.streams.awaitAnyTermination()
