//! The guards of one choice: up to sixteen of different types, or any number of boxed ones.

use std::pin::Pin;

use super::arm::Arm;
use super::offer::Offered;
use crate::wait::{Guarded, Guards, Sealed};

macro_rules! tuples {
    ($(($count:literal: $($Guard:ident $index:tt),+))*) => {$(
        impl<$($Guard: Arm),+> Sealed for ($(Pin<&mut $Guard>,)+) {}

        impl<$($Guard: Arm),+> Guards for ($(Pin<&mut $Guard>,)+) {
            type Scratch = [u16; $count];

            fn scratch(&self) -> Self::Scratch {
                [0; $count]
            }

            fn count(&self) -> usize {
                $count
            }

            fn guard(&mut self, index: usize) -> Pin<&mut dyn Guarded> {
                match index {
                    $($index => self.$index.as_mut(),)+
                    _ => unreachable!("a choice of {} guards has no guard {index}", $count),
                }
            }
        }
    )*};
}

tuples! {
    (1: A 0)
    (2: A 0, B 1)
    (3: A 0, B 1, C 2)
    (4: A 0, B 1, C 2, D 3)
    (5: A 0, B 1, C 2, D 3, E 4)
    (6: A 0, B 1, C 2, D 3, E 4, F 5)
    (7: A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
    (9: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8)
    (10: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9)
    (11: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10)
    (12: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11)
    (13: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12)
    (14: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13)
    (15: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14)
    (16: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14, P 15)
}

impl<R> Sealed for &mut [Offered<'_, R>] {}

impl<R> Guards for &mut [Offered<'_, R>] {
    type Scratch = Vec<u16>;

    fn scratch(&self) -> Vec<u16> {
        vec![0; self.len()]
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn guard(&mut self, index: usize) -> Pin<&mut dyn Guarded> {
        self[index].guarded()
    }
}
