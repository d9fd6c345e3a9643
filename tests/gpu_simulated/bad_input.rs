//! What bad input gets: a typed error that says what was wrong and what to do, and a network that ends in order.
