//! The picture of a network before it runs: what it knows, as Mermaid and as Graphviz text.

use std::collections::{BTreeMap, HashMap, VecDeque};

use aqueduct::prelude::*;
use aqueduct::{Direction, PortList, Ports, ProcessKind, ProcessShape};

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
    assert_lines(&network.shape(), &["p0[\"produce\"]", "p1[[\"consume\"]]", "p0 -->|\"out\"| p1"]);
    assert_eq!(network.shape().channels().len(), 1);
}

#[test]
fn the_picture_does_not_depend_on_the_order_of_the_ends() {
    let (tx, rx) = aqueduct::channel();
    let (named, named_rx) = Channel::buffered(2).named("numbers").open();
    let network = par!(consume(rx), pass(named_rx, tx), produce(named));
    assert_lines(
        &network.shape(),
        &["p0[[\"consume\"]]", "p1[\"pass\"]", "p2[\"produce\"]", "p1 -->|\"out\"| p0", "p2 -->|\"numbers (2)\"| p1"],
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
    assert_eq!(network.shape().channels().len(), 1);
}

#[test]
fn one_to_many_and_many_to_one_are_arrows() {
    let (tx, rx) = aqueduct::channel();
    let network = par!(produce(tx), consume(rx.clone()), consume(rx));
    assert_lines(
        &network.shape(),
        &["p0[\"produce\"]", "p1[[\"consume\"]]", "p2[[\"consume\"]]", "p0 -->|\"out\"| p1", "p0 -->|\"out\"| p2"],
    );
    let (tx, rx) = aqueduct::channel();
    let network = par!(produce(tx.clone()), produce(tx), consume(rx));
    assert_lines(
        &network.shape(),
        &["p0[\"produce\"]", "p1[\"produce\"]", "p2[[\"consume\"]]", "p0 -->|\"out\"| p2", "p1 -->|\"out\"| p2"],
    );
}

#[test]
fn ends_outside_the_picture_lead_to_dots() {
    let (_outside_tx, rx) = aqueduct::channel();
    let (tx, _outside_rx) = Channel::rendezvous().named("results").open();
    let network = par!(pass(rx, tx));
    assert_lines(
        &network.shape(),
        &["p0[\"pass\"]", "o0((\" \"))", "o0 -->|\"input\"| p0", "o1((\" \"))", "p0 -->|\"results\"| o1"],
    );
}

#[test]
fn odd_names_are_escaped() {
    let (tx, rx) = Channel::rendezvous().named("a|b <\"c\">").open();
    let network = par!(produce(tx).named("say \"hi\""), consume(rx).named("x -->|y| z"));
    assert_lines(
        &network.shape(),
        &[
            "p0[\"say #quot;hi#quot;\"]",
            "p1[[\"x --#gt;#124;y#124; z\"]]",
            "p0 -->|\"a#124;b #lt;#quot;c#quot;#gt;\"| p1",
        ],
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
        &["p0[\"produce\"]", "p1[\"pass\"]", "p2[\"fooled\"]", "p0 -->|\"out\"| p1", "p1 -->|\"out\"| p2"],
    );
}

#[test]
fn a_process_that_talks_to_itself() {
    let (tx, rx) = aqueduct::channel();
    assert_lines(&par!(pass(rx, tx)).shape(), &["p0[\"pass\"]", "p0 -->|\"out\"| p0"]);
}

#[test]
fn processes_in_place_have_names_and_no_ports() {
    let network = par!(aqueduct::task("here", async {}), aqueduct::thread("there", || {}));
    assert_lines(&network.shape(), &["p0[\"here\"]", "p1[[\"there\"]]"]);
    assert!(network.shape().channels().is_empty());
}

/// The ports of a process as they would be declared.
fn ports(process: &ProcessShape) -> Vec<String> {
    process.ports().iter().map(ToString::to_string).collect()
}

type Numbers = Receiver<u64>;

#[process]
async fn collections(
    alias: Numbers,
    list: Vec<Sender<String>>,
    perhaps: Option<Receiver<()>>,
    missing: Option<Sender<u8>>,
    pair: (Sender<u8>, Receiver<Vec<Option<u8>>>),
    array: [Sender<i8>; 2],
    boxed: Box<[Sender<i16>]>,
    queue: VecDeque<Sender<i32>>,
    by_name: BTreeMap<&'static str, Sender<i64>>,
    hashed: HashMap<u8, Sender<bool>>,
    nested: Vec<Vec<Sender<char>>>,
    number: u64,
    text: String,
    numbers: Vec<u64>,
) {
    let _ = (alias, list, perhaps, missing, pair, array, boxed, queue, by_name, hashed, nested, number, text, numbers);
}

#[test]
fn ports_are_found_by_their_types_in_aliases_and_collections() {
    fn tx<T>() -> Sender<T> {
        aqueduct::channel().0
    }
    fn rx<T>() -> Receiver<T> {
        aqueduct::channel().1
    }
    let process = collections(
        rx(),
        vec![tx(), tx()],
        Some(rx()),
        None,
        (tx(), rx()),
        [tx(), tx()],
        Box::new([tx()]),
        VecDeque::from([tx()]),
        BTreeMap::from([("a", tx()), ("b", tx())]),
        HashMap::from([(1, tx())]),
        vec![vec![tx()], vec![tx()]],
        3,
        "text".to_owned(),
        vec![1, 2],
    );
    assert_eq!(
        ports(&process.shape().processes()[0]),
        [
            "alias: Receiver<u64>",
            "list[0]: Sender<String>",
            "list[1]: Sender<String>",
            "perhaps: Receiver<()>",
            "pair[0]: Sender<u8>",
            "pair[1]: Receiver<Vec<Option<u8>>>",
            "array[0]: Sender<i8>",
            "array[1]: Sender<i8>",
            "boxed[0]: Sender<i16>",
            "queue[0]: Sender<i32>",
            "by_name[0]: Sender<i64>",
            "by_name[1]: Sender<i64>",
            "hashed[0]: Sender<bool>",
            "nested[0]: Sender<char>",
            "nested[1]: Sender<char>",
        ]
    );
}

#[process]
async fn borrows(input: &Receiver<u32>, outs: &[Sender<u32>], text: &str) {
    let _ = (input, outs, text);
}

#[test]
fn borrowed_ends_are_ports() {
    let (tx, rx) = aqueduct::channel();
    let outs = [tx.clone(), tx];
    let process = borrows(&rx, &outs, "text");
    assert_eq!(
        ports(&process.shape().processes()[0]),
        ["input: Receiver<u32>", "outs[0]: Sender<u32>", "outs[1]: Sender<u32>"]
    );
}

#[process]
fn generic<T: Send + 'static>(input: Receiver<T>, out: impl Ports + Send + 'static) {
    let _ = (input, out);
}

/// An end of another type, made of ours.
struct Requests(Sender<u32>);

impl Ports for Requests {
    fn list(&self, ports: &mut PortList) {
        self.0.list(ports);
    }
}

#[test]
fn a_type_over_an_end_is_a_port_once_it_says_so() {
    let (tx, rx) = aqueduct::channel();
    let process = generic(rx, Requests(tx));
    assert_eq!(ports(&process.shape().processes()[0]), ["input: Receiver<u32>", "out: Sender<u32>"]);
}

#[test]
fn a_shape_tells_what_it_draws() {
    let (named, named_rx) = Channel::buffered(2).named("numbers").open();
    let (tx, rx) = aqueduct::unbounded();
    let (_, other) = aqueduct::channel::<u32>();
    let shape = par!(produce(named), pass(named_rx, tx.clone()), consume(rx).named("sink")).shape();

    let [produce, pass, sink] = shape.processes() else { panic!("three processes: {shape}") };
    assert_eq!([produce.name(), pass.name(), sink.name()], ["produce", "pass", "sink"]);
    assert_eq!([produce.kind(), sink.kind()], [ProcessKind::Task, ProcessKind::Thread]);
    assert!(produce.location().starts_with(file!()), "{}", produce.location());
    assert_eq!(produce.identity().number(), 0, "it has not started");

    let [_, out] = pass.ports() else { panic!("two ports: {pass:?}") };
    assert_eq!(out.name().as_deref(), Some("out"));
    assert_eq!((out.direction(), out.payload(), out.channel()), (Direction::Sender, "u32", 1));

    let [numbers, results] = shape.channels() else { panic!("two channels: {shape}") };
    assert_eq!((numbers.name(), numbers.label(), numbers.capacity()), (Some("numbers"), "numbers", Some(2)));
    assert_eq!((results.name(), results.label(), results.capacity()), (None, "out", None));
    assert_eq!((results.senders(), results.receivers()), (&[1][..], &[2][..]));
    assert_eq!((results.payload(), results.to_string()), ("u32", "out (unbounded)".to_owned()));
    assert!(results.is_of(&tx) && !results.is_of(&other) && !numbers.is_of(&tx));
    assert_eq!(shape.one_sided().count(), 0);
}

#[test]
fn one_sided_channels_are_found() {
    let (_outside, rx) = Channel::<u32>::rendezvous().named("forgotten").open();
    let (tx, inside) = aqueduct::channel();
    let shape = par!(pass(rx, tx), consume(inside)).shape();
    let lonely: Vec<_> = shape.one_sided().map(|channel| channel.label()).collect();
    assert_eq!(lonely, ["forgotten"]);
}

#[test]
fn processes_in_place_know_where_they_are_written() {
    let line = line!() + 1;
    let network = par!(aqueduct::task("here", async {}), aqueduct::thread("there", || {}).named("elsewhere"));
    for process in network.shape().processes() {
        assert_eq!(process.location(), format!("{}:{line}", file!()));
    }
}

#[test]
fn a_group_shows_what_has_not_started() {
    aqueduct::run(async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let mut group = Group::new();
        group.add(produce(a));
        group.add(pass(a_rx, b).named("second"));
        let names = |shape: aqueduct::Shape| -> Vec<String> {
            shape.processes().iter().map(|process| process.name().to_owned()).collect()
        };
        assert_lines(
            &group.shape(),
            &["p0[\"produce\"]", "p1[\"second\"]", "p0 -->|\"out\"| p1", "o1((\" \"))", "p1 -->|\"out\"| o1"],
        );
        group.next().await.expect("two run")?;
        assert!(group.shape().processes().is_empty(), "both have started");
        group.add(pass(b_rx, aqueduct::channel().0).named("third"));
        assert_eq!(names(group.shape()), ["third"]);
        // As a part of something larger.
        let (c, c_rx) = aqueduct::channel();
        let network = par!(produce(c), group, consume(c_rx));
        assert_eq!(names(network.shape()), ["produce", "third", "consume"]);
        let ((), all, ()) = network.await?;
        assert_eq!(all, [(), ()]);
        Outcome::Ok(())
    })
    .unwrap();
}

#[test]
fn the_text_for_graphviz() {
    let (tx, rx) = Channel::buffered(3).named("say \"hi\" \\ & go").open();
    let (work, work_rx) = Channel::rendezvous().named("two\nlines").open();
    let network = par!(
        produce(tx).named("back\\slash"),
        consume(rx),
        produce(work.clone()),
        produce(work),
        consume(work_rx.clone()),
        consume(work_rx)
    );
    let (_outside, lonely) = aqueduct::channel();
    let text = par!(network, consume(lonely)).shape().dot().to_string();
    let expected = r#"digraph network {
    rankdir=LR;
    node [shape=box];
    p0 [label="back\\slash"];
    p1 [label="consume", peripheries=2];
    p2 [label="produce"];
    p3 [label="produce"];
    p4 [label="consume", peripheries=2];
    p5 [label="consume", peripheries=2];
    p6 [label="consume", peripheries=2];
    p0 -> p1 [label="say \"hi\" \\ &amp; go (3)"];
    c1 [label="two\nlines", shape=hexagon];
    p2 -> c1;
    p3 -> c1;
    c1 -> p4;
    c1 -> p5;
    o2 [shape=point];
    o2 -> p6 [label="input"];
}
"#;
    assert_eq!(text, expected);
}

#[process]
async fn asks(server: aqueduct::Caller<u32, String>, done: aqueduct::OneshotSender<()>) {
    let _ = (server, done);
}

#[test]
fn forms_over_channels_are_ports() {
    let (caller, _server) = aqueduct::calls();
    let (done, _waits) = aqueduct::oneshot();
    let process = asks(caller, done);
    assert_eq!(ports(&process.shape().processes()[0]), ["server: Sender<Call<u32, String>>", "done: Sender<()>"]);
}
