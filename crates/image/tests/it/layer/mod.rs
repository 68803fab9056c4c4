mod compressions;
mod gnu_tar;
mod hostile;
mod trees;
