"""A program of Apache Spark: spark_lake.py WAREHOUSE JARS. Reads statements of SQL, a JSON list, from standard input, runs them with the Iceberg catalog `lake` over that
folder, and prints the rows of each as one line of JSON."""
import json
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[1]").appName("lake").config("spark.ui.enabled", "false").config("spark.jars", sys.argv[2]).config(
    "spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.memory", "700m").config(
    "spark.sql.shuffle.partitions", "1").config("spark.sql.extensions", "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions").config(
    "spark.sql.catalog.lake", "org.apache.iceberg.spark.SparkCatalog").config("spark.sql.catalog.lake.type", "hadoop").config(
    "spark.sql.catalog.lake.warehouse", sys.argv[1]).getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
for statement in json.load(sys.stdin):
    print("rows " + json.dumps([list(row) for row in spark.sql(statement).collect()], default=str), flush=True)
