#!/usr/bin/env python3
"""Three brokers and a coordinator on hosts of their own, whose links are cut, one way or both: nothing acknowledged is
lost, and what can go on does. Hosts are network namespaces, which only root makes."""
import sys
import time
from pathlib import Path

from apart import Apart
from harness import case, check, run_cases, wait_for
from replicas import load_on, make_topic

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'net'))
from network import end_on_sigterm  # noqa: E402

# So that a client gives up a leader that does not answer within the time of a test.
IMPATIENT = ['request.timeout.ms=3000', 'socket.timeout.ms=5000']


def replaced_while(ways_of):
    """The leader of all partitions is cut off in these ways from the rest, but not from the clients."""
    with Apart() as cluster:
        make_topic(cluster, 't')
        with load_on(cluster, 't', config=IMPATIENT) as load:
            leader = cluster.leader('t')
            rest = [cluster.coordinator_host, *(h for n, h in enumerate(cluster.hosts) if n != leader)]
            others = [node for n, node in enumerate(cluster.nodes) if n != leader]
            with cluster.deaf(*ways_of(cluster.hosts[leader], rest)):
                wait_for(lambda: led_by_another(cluster, others[0], leader), 30, 'another leader')
                time.sleep(5)   # records that only the others take
                check(load.poll() is None, 'the load ended')
            cluster.wait_in_sync('t', 3)


def led_by_another(cluster, asked, leader):
    partition = cluster.partition('t', [asked])
    return partition and partition['leader'] not in (-1, leader + 1)


@case
def a_leader_that_is_cut_off_is_replaced():
    """Nothing passes between the leader and the rest; clients reach all."""
    replaced_while(lambda leader, rest: [way for host in rest for way in ((leader, host), (host, leader))])


@case
def a_leader_that_nobody_hears_is_replaced():
    """The leader hears the rest, who do not hear it."""
    replaced_while(lambda leader, rest: [(host, leader) for host in rest])


@case
def a_leader_that_hears_nobody_is_replaced():
    """The rest hear the leader, which does not hear them."""
    replaced_while(lambda leader, rest: [(leader, host) for host in rest])


@case
def a_follower_that_the_leader_does_not_reach_leaves_the_in_sync_set():
    """The leader goes on with the other follower; the cut-off one comes back when it hears the leader again."""
    with Apart() as cluster:
        make_topic(cluster, 't')
        with load_on(cluster, 't', config=IMPATIENT):
            leader = cluster.leader('t')
            follower = (leader + 1) % 3
            with cluster.deaf((cluster.hosts[follower], cluster.hosts[leader])):
                cluster.wait_in_sync('t', 2)
            cluster.wait_in_sync('t', 3)


def goes_on_while(ways_of):
    """What is led stays led for four sessions without the coordinator."""
    with Apart() as cluster:
        make_topic(cluster, 't')
        with load_on(cluster, 't', config=IMPATIENT) as load:
            with cluster.deaf(*(way for host in cluster.hosts for way in ways_of(cluster.coordinator_host, host))):
                time.sleep(12)
                check(load.poll() is None, 'the load ended')
            cluster.wait_in_sync('t', 3)
            time.sleep(4)   # longer than a session
        said = (cluster.nodes[0].folder / 'coordinator.log').read_text()
        check('fenced: nothing heard' not in said, f'somebody was fenced: {said[-800:]}')
        check('no broker is heard' in said, f'the coordinator says what it sees: {said[-800:]}')


@case
def brokers_go_on_without_their_coordinator():
    """Nothing passes between the coordinator and the brokers."""
    goes_on_while(lambda coordinator, host: [(coordinator, host), (host, coordinator)])


@case
def a_deaf_coordinator_fences_nobody():
    """The coordinator hears no broker, and all of them hear it."""
    goes_on_while(lambda coordinator, host: [(coordinator, host)])


if __name__ == '__main__':
    end_on_sigterm()
    run_cases()
