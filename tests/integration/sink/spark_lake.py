"""A program of Apache Spark: spark_lake.py PLACE JARS. Reads statements of SQL, a JSON list, from standard input, runs them with the Iceberg catalog `lake`, a folder or the
address of a REST catalog, and prints the rows of each as one line of JSON."""
import json
import sys

from pyspark.sql import SparkSession

place = sys.argv[1]
of_catalog = {"type": "rest", "uri": place} if place.startswith("http") else {"type": "hadoop", "warehouse": place}
builder = SparkSession.builder.master("local[1]").appName("lake").config("spark.ui.enabled", "false").config("spark.jars", sys.argv[2]).config(
    "spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.memory", "700m").config(
    "spark.sql.shuffle.partitions", "1").config("spark.sql.extensions", "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions").config(
    "spark.sql.catalog.lake", "org.apache.iceberg.spark.SparkCatalog")
for key, value in of_catalog.items():
    builder = builder.config(f"spark.sql.catalog.lake.{key}", value)
spark = builder.getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
for statement in json.load(sys.stdin):
    print("rows " + json.dumps([list(row) for row in spark.sql(statement).collect()], default=str), flush=True)
