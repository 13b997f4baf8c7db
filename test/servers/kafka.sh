#!/usr/bin/env bash
# Runs a real Apache Kafka for tests: broker and controller in one process (KRaft), on loopback only, from its jars on Maven Central.
#
#   kafka.sh fetch                            downloads the jars, once, into .cache/servers
#   kafka.sh run DIR PORT CONTROLLER_PORT     becomes Kafka with its data in DIR, and prints its log
#   kafka.sh share DIR PORT CONTROLLER_PORT   starts Kafka on an empty DIR in the background and returns when it is ready; it
#                                             ends when nobody has held a shared lock (flock) on DIR/users for some seconds
#   kafka.sh stop DIR                         ends it before that
#
# KAFKA_SETTINGS="name=value;name=value" adds settings of the broker, KAFKA_HEAP (512m) and KAFKA_JAVA_OPTS are for the JVM.
set -euo pipefail

version=4.4.0
root=$(cd "$(dirname "$0")/../.." && pwd)
jars=$root/.cache/servers/kafka-$version
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
grace=5 # seconds; the next test package comes soon

die() {
	echo "kafka.sh: $*" >&2
	exit 1
}

fetch() {
	if [ -e "$jars/complete" ]; then return; fi
	command -v mvn >/dev/null || die "Maven is missing"
	local work
	work=$(mktemp -d)
	cat >"$work/pom.xml" <<-XML
		<project>
		  <modelVersion>4.0.0</modelVersion>
		  <groupId>lazuli</groupId><artifactId>test-kafka</artifactId><version>1</version><packaging>pom</packaging>
		  <dependencies>
		    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
		    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.5</version></dependency>
		  </dependencies>
		</project>
	XML
	rm -rf "$jars"
	mvn -B -q -f "$work/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory="$jars" >&2
	rm -rf "$work"
	touch "$jars/complete" # last: what is half there is fetched again
}

# configure writes the broker's settings, and makes its storage unless it is there.
configure() {
	local dir=$1 port=$2 controller=$3
	mkdir -p "$dir"
	cat >"$dir/server.properties" <<-P
		process.roles=broker,controller
		node.id=1
		controller.quorum.voters=1@127.0.0.1:$controller
		listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
		advertised.listeners=PLAINTEXT://127.0.0.1:$port
		listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
		controller.listener.names=CONTROLLER
		inter.broker.listener.name=PLAINTEXT
		log.dirs=$dir/data
		auto.create.topics.enable=false
		offsets.topic.replication.factor=1
		offsets.topic.num.partitions=4
		transaction.state.log.replication.factor=1
		transaction.state.log.min.isr=1
		transaction.state.log.num.partitions=4
		share.coordinator.state.topic.replication.factor=1
		share.coordinator.state.topic.min.isr=1
		group.initial.rebalance.delay.ms=0
		log.cleaner.backoff.ms=500
		log.cleaner.dedupe.buffer.size=33554432
	P
	tr ';' '\n' <<<"${KAFKA_SETTINGS:-}" >>"$dir/server.properties"
	cat >"$dir/log4j2.properties" <<-'P'
		appender.out.type=Console
		appender.out.name=out
		appender.out.layout.type=PatternLayout
		appender.out.layout.pattern=%d %p %m (%c)%n
		rootLogger.level=info
		rootLogger.appenderRef.out.ref=out
	P
	if [ -e "$dir/data/meta.properties" ]; then return; fi
	jvm "$dir" 128m -XX:TieredStopAtLevel=1 kafka.tools.StorageTool format --ignore-formatted \
		-t "$(head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | head -c 22)" -c "$dir/server.properties" >"$dir/format.log" 2>&1 ||
		die "cannot make the storage: $(tail -n 5 "$dir/format.log")"
}

# jvm runs a class of Kafka: jvm DIR HEAP OPTION CLASS ARGUMENTS…
jvm() { "$java" "-Xmx$2" "$3" -XX:+UseSerialGC -Dlog4j2.configurationFile="$1/log4j2.properties" -cp "$jars/*" "${@:4}"; }

# broker becomes Kafka.
broker() {
	# shellcheck disable=SC2086 # a list of options
	exec "$java" "-Xms${KAFKA_HEAP:-512m}" "-Xmx${KAFKA_HEAP:-512m}" -XX:+ExitOnOutOfMemoryError ${KAFKA_JAVA_OPTS:-} \
		-Dlog4j2.configurationFile="$1/log4j2.properties" -cp "$jars/*" kafka.Kafka "$1/server.properties"
}

# ours tells whether the process in the pid file is the Kafka of this folder.
ours() { [ -s "$1/pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$(cat "$1/pid")/cmdline" | grep -qF "$1/server.properties"; }

stop() {
	if ours "$1"; then
		kill -9 "$(cat "$1/pid")" || true # its data is for nobody
		while ours "$1"; do sleep 0.05; done
	fi
	rm -rf "$1/pid" "$1/port" "$1/data"
}

share() {
	local dir=$1
	stop "$dir"
	configure "$@"
	(broker "$dir") >"$dir/kafka.log" 2>&1 </dev/null &
	local pid=$!
	echo $pid >"$dir/pid"
	for _ in $(seq 600); do
		if grep -q 'Kafka Server started' "$dir/kafka.log"; then
			echo "$2" >"$dir/port"
			return
		fi
		kill -0 $pid 2>/dev/null || die "Kafka ended: $(tail -n 20 "$dir/kafka.log")"
		sleep 0.1
	done
	stop "$dir"
	die "Kafka was not ready within a minute: $(tail -n 20 "$dir/kafka.log")"
}

# watch ends the shared Kafka when nobody needs it any more. Who starts needs the lock that it holds while it does that.
watch() {
	exec 8>>"$1/users"
	while ours "$1"; do
		flock -x 8
		flock -u 8
		sleep "$grace"
		if flock -n -x 8; then
			stop "$1"
			return
		fi
	done
}

case ${1:-} in
fetch) fetch ;;
run)
	configure "$2" "$3" "$4"
	broker "$2"
	;;
share)
	share "$2" "$3" "$4"
	setsid "$0" watch "$2" >/dev/null 2>&1 </dev/null &
	;;
watch) watch "$2" ;;
stop) stop "$2" ;;
*) die "usage: $0 fetch | run DIR PORT CONTROLLER_PORT | share DIR PORT CONTROLLER_PORT | stop DIR" ;;
esac
