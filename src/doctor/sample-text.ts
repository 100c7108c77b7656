/** A page of plain English, to measure a base model's loss if no data is given. */
export const sampleText = `The harbour master kept two notebooks. In the first she wrote what the regulations asked for: the
name of every ship, its flag, its draught and the hour at which it crossed the bar. In the second she wrote what she saw.
A trawler that came in low on one side. A captain who would not look at the pilot. Ice on the rigging in the second week
of May. Nobody had asked for the second notebook, and for eleven years nobody read it.

When the insurers sent a man from the city, he wanted to know about a single night. He had a list of ships and a list of
times, and the two did not agree. She gave him the first notebook, and he copied four lines from it and thanked her. Then
he asked, because he was tired and the stove was warm, whether anything else had been different about that evening.

She thought about it for a while. The wind had gone round to the north, she said, as it does before snow. The lamp on the
outer mole had been out, and the boy who tends it had sworn that he had filled it. There had been a smell of oranges. "Of
oranges?" said the man. "Yes," she said. "In March, in a port that trades in salt and herring." And she took down the
second notebook, blew the dust from its back, and began to turn the pages until she found the date.

What followed took the better part of a year, and it is told differently by each of those who took part. But everyone
agrees on how it began: with a question that was on no list, and with a woman who had written down the answer long before
anybody thought of asking it. The man from the city kept a notebook of his own after that. He said that the first rule of
it was to put down the smell of things, and the second was never to tear out a page.
`;
