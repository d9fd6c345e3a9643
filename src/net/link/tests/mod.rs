mod hostile;
mod order;
