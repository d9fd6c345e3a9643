//! The picture of a network, as Mermaid text.

use aqueduct::prelude::*;

#[process]
async fn produce(_out: Sender<u32>) {}

#[process]
fn consume(_input: Receiver<u32>) {}

#[process]
async fn pass(_input: Receiver<u32>, _out: aqueduct::Sender<u32>) {}

/// A type that is only called like an end.
mod impostor {
    #[derive(Debug)]
    pub(crate) struct Sender<T>(pub(crate) T);
}

#[process]
async fn fooled(_not_a_port: impostor::Sender<u32>, _input: Receiver<u32>, _number: u32) {}

#[track_caller]
fn assert_lines(shape: &aqueduct::Shape, lines: &[&str]) {
    let text = shape.to_string();
    let mut found = text.lines();
    assert_eq!(found.next(), Some("flowchart LR"));
    let found: Vec<_> = found.map(|line| line.strip_prefix("    ").expect("indented")).collect();
    assert_eq!(found, lines, "{text}");
    assert!(text.ends_with('\n'));
}

#[test]
fn threads_have_double_sides_and_unnamed_channels_the_senders_port() {
    let (tx, rx) = aqueduct::channel();
    let network = par!(produce(tx), consume(rx));
    assert_lines(&network.shape(), &["p0[\"produce\"]", "p1[[\"consume\"]]", "p0 -->|out| p1"]);
    assert_eq!(network.shape().processes().collect::<Vec<_>>(), ["produce", "consume"]);
    assert_eq!(network.shape().channels(), 1);
}

#[test]
fn the_picture_does_not_depend_on_the_order_of_the_ends() {
    let (tx, rx) = aqueduct::channel();
    let (named, named_rx) = Channel::buffered(2).named("numbers").open();
    let network = par!(consume(rx), pass(named_rx, tx), produce(named));
    assert_lines(
        &network.shape(),
        &["p0[[\"consume\"]]", "p1[\"pass\"]", "p2[\"produce\"]", "p1 -->|out| p0", "p2 -->|numbers| p1"],
    );
}

#[test]
fn many_to_many_is_a_node_of_its_own() {
    let (tx, rx) = Channel::rendezvous().named("work").open();
    let network = par!(produce(tx.clone()), produce(tx), consume(rx.clone()).named("left"), consume(rx).named("right"));
    assert_lines(
        &network.shape(),
        &[
            "p0[\"produce\"]",
            "p1[\"produce\"]",
            "p2[[\"left\"]]",
            "p3[[\"right\"]]",
            "c0{{\"work\"}}",
            "p0 --> c0",
            "p1 --> c0",
            "c0 --> p2",
            "c0 --> p3",
        ],
    );
    assert_eq!(network.shape().channels(), 1);
}

#[test]
fn one_to_many_and_many_to_one_are_arrows() {
    let (tx, rx) = aqueduct::channel();
    let network = par!(produce(tx), consume(rx.clone()), consume(rx));
    assert_lines(
        &network.shape(),
        &["p0[\"produce\"]", "p1[[\"consume\"]]", "p2[[\"consume\"]]", "p0 -->|out| p1", "p0 -->|out| p2"],
    );
    let (tx, rx) = aqueduct::channel();
    let network = par!(produce(tx.clone()), produce(tx), consume(rx));
    assert_lines(
        &network.shape(),
        &["p0[\"produce\"]", "p1[\"produce\"]", "p2[[\"consume\"]]", "p0 -->|out| p2", "p1 -->|out| p2"],
    );
}

#[test]
fn ends_outside_the_picture_lead_to_dots() {
    let (_outside_tx, rx) = aqueduct::channel();
    let (tx, _outside_rx) = Channel::rendezvous().named("results").open();
    let network = par!(pass(rx, tx));
    assert_lines(
        &network.shape(),
        &["p0[\"pass\"]", "o0((\" \"))", "o0 -->|input| p0", "o1((\" \"))", "p0 -->|results| o1"],
    );
}

#[test]
fn odd_names_are_escaped() {
    let (tx, rx) = Channel::rendezvous().named("a|b <\"c\">").open();
    let network = par!(produce(tx).named("say \"hi\""), consume(rx).named("x -->|y| z"));
    assert_lines(
        &network.shape(),
        &["p0[\"say #quot;hi#quot;\"]", "p1[[\"x --#gt;#124;y#124; z\"]]", "p0 -->|a#124;b #lt;#quot;c#quot;#gt;| p1"],
    );
}

/// A line break would end the statement and begin another one.
#[test]
fn a_line_break_in_a_name_does_not_break_the_picture() {
    let (tx, rx) = Channel::rendezvous().named("one\ntwo").open();
    let network = par!(produce(tx).named("three\nfour"), consume(rx));
    let text = network.shape().to_string();
    assert_eq!(text.lines().count(), 4, "{text}");
}

/// Mermaid reads `#…;` as a character by name or number.
#[test]
fn an_entity_in_a_name_stays_what_it_was() {
    let (tx, _rx) = aqueduct::channel();
    let text = par!(produce(tx).named("worker #9829;")).shape().to_string();
    assert!(!text.contains("#9829;"), "would be drawn as a heart: {text}");
}

#[test]
fn nested_compositions_are_drawn_flat_and_other_parameters_are_no_ports() {
    let (a, a_rx) = aqueduct::channel();
    let (b, b_rx) = aqueduct::channel();
    let network = par!(produce(a), par!(pass(a_rx, b), try_par!(fooled(impostor::Sender(1), b_rx, 2))));
    assert_lines(
        &network.shape(),
        &["p0[\"produce\"]", "p1[\"pass\"]", "p2[\"fooled\"]", "p0 -->|out| p1", "p1 -->|out| p2"],
    );
}

#[test]
fn a_process_that_talks_to_itself() {
    let (tx, rx) = aqueduct::channel();
    assert_lines(&par!(pass(rx, tx)).shape(), &["p0[\"pass\"]", "p0 -->|out| p0"]);
}

#[test]
fn processes_in_place_have_names_and_no_ports() {
    let network = par!(aqueduct::task("here", async {}), aqueduct::thread("there", || {}));
    assert_lines(&network.shape(), &["p0[\"here\"]", "p1[[\"there\"]]"]);
    assert_eq!(network.shape().channels(), 0);
}
