//! The philosophers and Santa Claus: simulated time, and checkers that notice what may not happen.

use super::{failed, numbers, printed};

#[allow(dead_code, reason = "the program itself is run apart")]
#[path = "../../examples/dining_philosophers/diary.rs"]
mod diary;
#[allow(dead_code, reason = "the program itself is run apart")]
#[path = "../../examples/santa_claus/trace.rs"]
mod trace;

mod philosophers {
    use super::diary::{Entry, Mood, check, timeline};
    use super::{failed, numbers, printed};

    #[test]
    fn everybody_eats_whatever_the_seats_and_the_seed() {
        for seats in 1..=4 {
            for seed in 0..10 {
                let text = printed("dining_philosophers", &["20", &seats.to_string(), &seed.to_string()]);
                let meals: Vec<u64> = text.lines().rev().take(5).map(|line| numbers(line)[0]).collect();
                assert_eq!(meals, [20; 5], "{text}");
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_evening() {
        let evening = |seed| printed("dining_philosophers", &["10", "4", seed]);
        assert_eq!(evening("3"), evening("3"));
        assert_ne!(evening("3"), evening("4"));
        assert!(evening("3").lines().all(|line| line.chars().count() <= 80), "it fits a terminal");
    }

    #[test]
    fn without_the_footman_they_get_stuck_and_the_program_shows_how() {
        let (text, complaint) = failed("dining_philosophers", &["5", "5"]);
        assert!(complaint.contains("deadlock: "), "{complaint}");
        let lines = text.lines().skip(1).take(5);
        assert_eq!(lines.filter(|line| line.ends_with('?')).count(), 5, "all wait for a fork:\n{text}");
    }

    fn diary(entries: &[(usize, Mood)]) -> Vec<Entry> {
        entries.iter().map(|&(seat, mood)| Entry { hour: 0, seat, mood }).collect()
    }

    const ONE_MEAL: [Mood; 5] = [Mood::Thinks, Mood::Hungry, Mood::Seated, Mood::Eats, Mood::Leaves];

    /// What one philosopher does first.
    fn until(seat: usize, steps: usize) -> Vec<(usize, Mood)> {
        ONE_MEAL[..steps].iter().map(|&mood| (seat, mood)).collect()
    }

    #[test]
    fn the_diary_counts_meals_and_hunger() {
        let hours = [0, 2, 3, 7, 9];
        let entries: Vec<Entry> =
            std::iter::zip(ONE_MEAL, hours).map(|(mood, hour)| Entry { hour, seat: 2, mood }).collect();
        let guests = check(&entries, 4).unwrap();
        assert_eq!((guests[2].meals, guests[2].longest_hunger), (1, 5));
        assert_eq!(guests[0].meals, 0);
        assert!(timeline(&entries).contains("Plato       ··!????██\n"), "{}", timeline(&entries));
    }

    #[test]
    fn the_diary_notices_neighbours_who_eat_at_the_same_time() {
        for (one, other) in [(0, 1), (1, 0), (0, 4), (4, 0), (2, 3)] {
            let error = check(&diary(&[until(one, 4), until(other, 4)].concat()), 4).unwrap_err();
            assert!(error.contains("eats with a fork that"), "{error}");
        }
        check(&diary(&[until(0, 4), until(2, 4)].concat()), 4).unwrap();
    }

    #[test]
    fn the_diary_notices_one_guest_too_many() {
        let seated = [until(0, 3), until(1, 3), until(2, 3)].concat();
        check(&diary(&seated), 3).unwrap();
        assert!(check(&diary(&seated), 2).unwrap_err().contains("there are only 2 seats"));
        // One who eats sits, too; one who has left does not.
        assert!(check(&diary(&[until(0, 4), until(2, 3)].concat()), 1).is_err());
        check(&diary(&[until(0, 5), until(2, 3)].concat()), 1).unwrap();
    }

    #[test]
    fn the_diary_notices_who_skips_a_step() {
        for (skipped, mood) in ONE_MEAL.iter().enumerate().take(4) {
            let mut steps = until(0, 5);
            steps.remove(skipped);
            assert!(check(&diary(&steps), 4).is_err(), "without {mood:?}");
        }
    }
}

mod santa {
    use super::printed;
    use super::trace::{Entry, Event, Kind, Visit, Visitor, check};

    #[test]
    fn the_toys_are_delivered_every_year_whatever_the_seed() {
        for seed in 0..20 {
            let text = printed("santa_claus", &["10", &seed.to_string()]);
            assert_eq!(text.matches("THE SLEIGH IS OUT").count(), 10, "{text}");
            assert!(text.contains("\n10 deliveries, "), "{text}");
            for line in text.lines().filter(|line| line.contains("elves: ")) {
                assert_eq!(line.split(", ").count(), 3, "{line}");
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_years() {
        let years = |seed| printed("santa_claus", &["3", seed]);
        assert_eq!(years("1"), years("1"));
        assert_ne!(years("1"), years("2"));
        assert!(years("1").contains("went before elves"), "the default shows a choice where both wait");
    }

    fn party(kind: Kind) -> impl Iterator<Item = Visitor> {
        (0..kind.party()).map(move |number| Visitor { kind, number })
    }

    /// A visit as it should be, at one hour.
    fn visit(kind: Kind) -> Vec<Event> {
        let mut events = vec![Event::Gathered(kind)];
        events.extend(party(kind).map(Event::Enters));
        events.extend([Event::Begins(kind), Event::Ends(kind)]);
        events.extend(party(kind).map(Event::Leaves));
        events
    }

    fn check_at_one_hour(events: &[Event]) -> Result<Vec<Visit>, String> {
        check(&events.iter().map(|&event| Entry { hour: 7, event }).collect::<Vec<_>>())
    }

    #[test]
    fn a_correct_trace_is_accepted() {
        let visits = check_at_one_hour(&[visit(Kind::Elf), visit(Kind::Reindeer), visit(Kind::Elf)].concat()).unwrap();
        let kinds: Vec<_> = visits.iter().map(|visit| (visit.kind, visit.who.len(), visit.contested)).collect();
        assert_eq!(kinds, [(Kind::Elf, 3, false), (Kind::Reindeer, 9, false), (Kind::Elf, 3, false)]);
    }

    #[test]
    fn a_step_that_is_left_out_or_comes_twice_is_noticed() {
        for kind in [Kind::Elf, Kind::Reindeer] {
            let right = visit(kind);
            for place in 0..right.len() {
                let mut wrong = right.clone();
                let event = wrong.remove(place);
                assert!(check_at_one_hour(&wrong).is_err(), "without {event:?}");
                // To gather twice is allowed: another group waits then.
                if place > 0 {
                    let mut wrong = right.clone();
                    wrong.insert(place, right[place]);
                    assert!(check_at_one_hour(&wrong).is_err(), "{event:?} twice");
                }
            }
        }
    }

    #[test]
    fn a_stranger_in_the_group_is_noticed() {
        for kind in [Kind::Elf, Kind::Reindeer] {
            let right = visit(kind);
            for place in 0..=right.len() {
                for stranger in [Visitor { kind: Kind::Elf, number: 9 }, Visitor { kind: Kind::Reindeer, number: 8 }] {
                    let mut wrong = right.clone();
                    wrong.insert(place, Event::Enters(stranger));
                    assert!(check_at_one_hour(&wrong).is_err(), "{stranger:?} at {place} of {kind:?}");
                }
            }
        }
    }

    #[test]
    fn groups_that_overlap_are_noticed() {
        let (elves, reindeer) = (visit(Kind::Elf), visit(Kind::Reindeer));
        for place in 2..elves.len() {
            let mut wrong = elves.clone();
            wrong.splice(place..place, reindeer.clone());
            assert!(check_at_one_hour(&wrong).is_err(), "the reindeer at {place}");
        }
    }

    #[test]
    fn elves_who_go_before_waiting_reindeer_are_noticed() {
        let mut events = vec![(3, Event::Gathered(Kind::Reindeer))];
        events.extend(visit(Kind::Elf).into_iter().map(|event| (4, event)));
        let check = |events: &[(u64, Event)]| {
            check(&events.iter().map(|&(hour, event)| Entry { hour, event }).collect::<Vec<_>>())
        };
        assert!(check(&events).unwrap_err().contains("but the reindeer wait"));
        // In the same hour, Santa may have decided before the last reindeer came.
        events[0].0 = 4;
        assert!(!check(&events).unwrap()[0].contested);
    }

    #[test]
    fn reindeer_who_go_before_waiting_elves_are_told_of() {
        let events = [vec![Event::Gathered(Kind::Elf)], visit(Kind::Reindeer)].concat();
        let visits = check_at_one_hour(&events).unwrap();
        assert!(visits[0].contested);
    }
}
