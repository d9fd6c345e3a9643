use aqueduct::prelude::*;

enum Token {
    Word(String),
    End,
}

#[process]
async fn choose(words: Receiver<Token>, right: Receiver<u32>, out: Sender<u32>) -> Outcome {
    alt! {
        Ok(Token::Word(word)) = words.recv() => println!("{word}"),
        n = right.recv() => println!("{n:?}"),
    }
    out.send(0).await?;
    drop((words, right, Token::End));
    Ok(())
}

fn main() {}
